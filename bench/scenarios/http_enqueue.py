"""9. How fast are jobs made over HTTP, one and many to a request?

Ours as `ops serve` starts it, with and without a runner to be woken; beside it the fastest peer of
the enqueue scenario. None of the peers takes jobs over HTTP by itself, so that one is served as its
own recipes say, by as many processes and threads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from bench import counters, tally
from bench.clients import Load, send
from bench.contenders import OURS, Contender, default, variant
from bench.counters import backends
from bench.drains import READY_SECONDS, ready, working
from bench.figures import MILLISECOND, percentiles, rate
from bench.remote import AdapterFailed, wait_until
from bench.server import Database
from bench.session import Case, Run, Session

SIZES = (1, 100, 1_000)
CLIENTS = (1, 8)
PEER = "pgqueuer"
_MADE = {OURS: "select count(*) from ops_jobs", PEER: "select count(*) from pgqueuer"}
_BEFORE = 0.25  # of the measured time: connections are made, plans are cached
_CREATED = 201


def contenders(session: Session) -> list[Contender]:
    """Return ours without and with wake-ups, and the recipes of the peer."""
    found: list[Contender] = []
    if session.has(OURS):
        ours = default(session.system(OURS), slot="thread", sizes=SIZES)
        woken = variant(ours, "wake", "each request wakes a runner", wake="each")
        found += [ours, woken]
    if session.has(PEER):
        peer = default(session.system(PEER), sizes=SIZES)
        found += [
            variant(peer, "fastapi", "its FastAPI recipe", web="fastapi"),
            variant(peer, "flask", "its Flask recipe", web="flask"),
        ]
    return found


def measure(session: Session) -> list[Run]:
    """Send every server the same loads, one after the other."""
    cases = [Case(contender) for contender in contenders(session)]
    return session.measure(cases, lambda case: _serve(session, case))


def name_of(size: int, clients: int) -> str:
    """Return the name of a load in a run."""
    return f"{size}x{clients}"


def _serve(session: Session, case: Case) -> Run:
    contender, observer = case.contender, session.server.observer
    tally.clear()
    with session.database(contender.system) as database:
        session.server.settle()
        before = counters.read(observer, database)
        with (
            _runner(session, contender) as told,
            session.adapter(contender, database, **told) as server,
        ):
            server.begin("serve")
            served = server.result(timeout_seconds=READY_SECONDS)
            # It listens before its processes are there: until they answer, nothing is measured.
            first = send(Load(served["port"], served["requests"]["1"], max(CLIENTS), 0, 0))
            loads = {
                name_of(size, clients): _send(session, database, served, size, clients)
                for size in SIZES
                for clients in CLIENTS
            }
        # A backend adds what it committed when it ends.
        wait_until(
            lambda: not backends(observer, database), seconds=READY_SECONDS, what="backends' end"
        )
        spent = counters.read(observer, database).since(before)
        (made,) = session.server.ask(database, _MADE[contender.system.name])
    requests = sum(load["answered"] for load in loads.values())
    wanted = sum(load["answered"] * load["jobs"] for load in loads.values())
    wanted += first.statuses.get(_CREATED, 0)
    if made != wanted:
        raise AdapterFailed(f"{wanted:,} jobs were answered for, {made:,} are there")
    return {"commits_per_request": round(spent.commits / requests, 2), "loads": loads}


@contextlib.contextmanager
def _runner(session: Session, contender: Contender) -> Iterator[Mapping[str, Any]]:
    """Run an idle runner to be woken, on a database of its own: it shall run none of the jobs."""
    if "wake" not in contender.options:
        yield {}
        return
    idle = session.server.make("bench_idle", template=session.template(contender.system))
    try:
        with working(session, contender, idle) as workers:
            yield ready(workers)
    finally:
        session.server.drop(idle.name)


def _send(
    session: Session, database: Database, served: Mapping[str, Any], size: int, clients: int
) -> Run:
    seconds = session.sizes.http_seconds
    load = Load(served["port"], served["requests"][str(size)], clients, seconds, _BEFORE * seconds)
    before = counters.statements(session.server.observer, database)
    seen = send(load)
    statements = counters.statements(session.server.observer, database) - before
    answered = sum(seen.statuses.values())
    if set(seen.statuses) != {_CREATED}:
        raise AdapterFailed(f"the requests were answered by {seen.statuses}")
    begins, ends = zip(*seen.timed, strict=True)
    per_second = rate(len(seen.timed), min(begins), max(ends))
    session.say(f"    {size:,} jobs, {clients} clients: {per_second:,.1f} requests/s")
    return {
        "jobs": size,
        "clients": clients,
        "answered": answered,
        "requests": len(seen.timed),
        "requests_per_second": per_second,
        "jobs_per_second": size * per_second,
        "statements_per_request": round(statements / answered, 2),
        **percentiles([(end - begin) / MILLISECOND for begin, end in seen.timed]),
    }
