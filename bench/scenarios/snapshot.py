"""6. What does a transaction that stays open for minutes do to claims?

Another session holds a REPEATABLE READ snapshot from before the first job until the end, so that no
dead row version can be removed. Once at a steady pace, once as fast as it goes. Peers are held for
less long: what becomes of them shows early.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from bench import counters, tally, windows
from bench.contenders import OURS, RAW, Contender, tuned, variant
from bench.drains import ready, wait_for_runs, working
from bench.figures import NANOSECONDS
from bench.remote import Remote
from bench.server import Database, one_row
from bench.session import Case, Run, Session

FLAT_OUT = "as fast as it goes"
CLAIM_MARK = "claimed as ("  # of no other statement; comments are not kept by the server
_VARIABLES = {"RUNNER_HANDLERS": "bench.handlers,bench.claims"}
_LOW_WATER = 20_000  # jobs queued; below it the producer loads a further chunk
_LOADED_AT_ONCE = 10_000
_SAMPLE_SECONDS = 0.05
_PATIENCE_SECONDS = 120.0


def contenders(session: Session) -> list[Contender]:
    """Return ours, the raw limit, and the peers that one producer can feed."""
    found = []
    if session.has(OURS):
        ours = tuned(session.system(OURS))
        found.append(
            variant(
                ours, "thread", "thread slots", slot="thread", wake="apart", variables=_VARIABLES
            )
        )
    if session.has(RAW):
        found.append(tuned(session.system(RAW)))
    return [*found, *(tuned(peer) for peer in session.enduring_peers if peer.sustains)]


def measure(session: Session) -> list[Run]:
    """Hold a snapshot under every contender at a pace, and under the fastest without one."""
    chosen = contenders(session)
    pace = f"{session.sizes.snapshot_rate} a second"
    paced = [_case(session, contender, pace) for contender in chosen]
    fast = [
        _case(session, contender, FLAT_OUT)
        for contender in chosen
        if not contender.system.is_peer or contender.system.loads_a_million
    ]
    return [
        *session.measure(paced, lambda case: _paced(session, case), repeats=1),
        *session.measure(fast, lambda case: _flat_out(session, case), repeats=1),
    ]


def _case(session: Session, contender: Contender, pace: str) -> Case:
    seconds = session.sizes.snapshot_seconds
    if contender.system.is_peer:
        seconds = min(seconds, session.sizes.snapshot_peer_seconds)
    return Case(contender, {"pace": pace, "held_seconds": seconds})


def _paced(session: Session, case: Case) -> Run:
    sizes = session.sizes
    # More than there is time for: the producer is stopped while it is still at it.
    count = 2 * int(sizes.snapshot_rate * case.parameters["held_seconds"])
    with _held(session, case) as (database, worker, producer):
        producer.begin(
            "enqueue_singly", first=0, count=count, every_seconds=1 / sizes.snapshot_rate,
            trace=True,
        )  # fmt: skip
        begin_ns = _first_run(worker)
        claims, samples = [], [(begin_ns, tally.read().runs)]
        for window in range(sizes.snapshot_windows):
            end_ns = begin_ns + (window + 1) * _window_ns(session, case)
            time.sleep(max(0.0, (end_ns - time.monotonic_ns()) / NANOSECONDS))
            worker.check()
            samples.append((time.monotonic_ns(), tally.read().runs))
            claims.append(_claims(session, database))
        producer.stop()
        called = tally.calls()
        started, turns = tally.starts(), tally.turns()
        left = _left_behind(database)
    edges = _edges(session, case, begin_ns)
    return _summary(
        [
            rate | waited | claim | turn
            for rate, waited, claim, turn in zip(
                windows.rates(samples, **edges),
                windows.latencies(called, started, **edges),
                claims,
                windows.turns(turns, **edges),
                strict=True,
            )
        ],
        left,
    )


def _flat_out(session: Session, case: Case) -> Run:
    samples: list[tuple[int, int]] = []
    with _held(session, case) as (database, worker, producer):
        producer.begin("enqueue_bulk", first=0, count=_LOADED_AT_ONCE)
        enqueued, is_loading = _LOADED_AT_ONCE, True
        begin_ns = _first_run(worker)
        end_ns = begin_ns + session.sizes.snapshot_windows * _window_ns(session, case)
        while (now_ns := time.monotonic_ns()) <= end_ns:
            runs = tally.read().runs
            samples.append((now_ns, runs))
            if is_loading and producer.has_answered():
                producer.result(timeout_seconds=_PATIENCE_SECONDS)
                is_loading = False
            if not is_loading and enqueued - runs < _LOW_WATER:
                producer.begin("enqueue_bulk", first=enqueued, count=_LOADED_AT_ONCE)
                enqueued += _LOADED_AT_ONCE
                is_loading = True
            worker.check()
            time.sleep(_SAMPLE_SECONDS)
        turns = tally.turns()
        left = _left_behind(database)
    edges = _edges(session, case, begin_ns)
    return _summary(
        [
            rate | turn
            for rate, turn in zip(
                windows.rates(samples, **edges), windows.turns(turns, **edges), strict=True
            )
        ],
        left,
    )


@contextlib.contextmanager
def _held(session: Session, case: Case) -> Iterator[tuple[Database, Remote, Remote]]:
    """Hold the snapshot, with a worker and a producer beside it."""
    tally.clear()
    contender = case.contender
    with session.database(contender.system) as database, _snapshot(database):
        session.server.settle()
        with working(session, contender, database) as workers:
            told = ready(workers)
            woken = told if "wake" in contender.options else {}
            with session.adapter(contender, database, **woken) as producer:
                yield database, workers[0], producer


@contextlib.contextmanager
def _snapshot(database: Database) -> Iterator[None]:
    with psycopg.connect(database.observer_url) as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("select count(*) from pg_class")
        yield


def _first_run(worker: Remote) -> int:
    """Wait for the first handler, so that no window holds the start of a process."""
    wait_for_runs([worker], 1)
    return time.monotonic_ns()


def _window_ns(session: Session, case: Case) -> int:
    seconds: float = case.parameters["held_seconds"]
    return int(seconds * NANOSECONDS / session.sizes.snapshot_windows)


def _edges(session: Session, case: Case, begin_ns: int) -> dict[str, int]:
    return {
        "begin_ns": begin_ns,
        "length_ns": _window_ns(session, case),
        "count": session.sizes.snapshot_windows,
    }


def _claims(session: Session, database: Database) -> dict[str, float]:
    timing = counters.timing(session.server.observer, database, CLAIM_MARK)
    if not timing.calls:
        return {}
    return {"claim_mean": timing.total_ms / timing.calls, "claim_max": timing.max_ms}


def _left_behind(database: Database) -> dict[str, Any]:
    with psycopg.connect(database.observer_url, autocommit=True) as observer:
        dead, size = one_row(
            observer,
            "select (select coalesce(sum(n_dead_tup), 0) from pg_stat_user_tables),"
            "       pg_database_size(current_database())",
        )
    return {"dead_tuples": int(dead), "disk_bytes": size}


def _summary(found: list[dict[str, Any]], left: dict[str, Any]) -> Run:
    first, last = found[0], found[-1]
    kept = last["jobs_per_second"] / first["jobs_per_second"] if first["jobs_per_second"] else 0
    return {**left, "kept": kept, "jobs_per_second": last["jobs_per_second"], "windows": found}
