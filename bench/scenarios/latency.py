"""3. How long from the call that enqueues until the handler starts, on an idle worker?

Settings are those of shipping: it is the first impression that is measured, not a tuned one.
"""

from __future__ import annotations

from bench import tally
from bench.contenders import OURS, Contender, default, variant
from bench.drains import ready, working
from bench.figures import MILLISECOND, percentiles
from bench.remote import wait_until
from bench.session import Case, Run, Session

LOOK_SECONDS = 1
LOOK_EVERY_SECONDS = 0.37  # no fraction of a look: jobs arrive at all ages of one
WARM_UP = 10
_WARM_UP_FIRST = 9_000_000
_PATIENCE_SECONDS = 180.0


def contenders(session: Session) -> list[Contender]:
    """Return ours by wake and by look, and the peers."""
    found = []
    if session.has(OURS):
        ours = default(session.system(OURS))
        found = [
            variant(ours, "thread-wake", "thread slots, by wake", slot="thread", wake="each"),
            variant(ours, "process-wake", "process slots, by wake", slot="process", wake="each"),
            variant(
                ours, "look", f"by a look each {LOOK_SECONDS} s", slot="process",
                look_seconds=LOOK_SECONDS,
            ),
        ]  # fmt: skip
    return [*found, *(default(peer) for peer in session.peers)]


def measure(session: Session) -> list[Run]:
    """Enqueue at a calm pace for an idle worker of every contender."""
    cases = [Case(contender) for contender in contenders(session)]
    return session.measure(cases, lambda case: _latency(session, case))


def _latency(session: Session, case: Case) -> Run:
    contender, sizes = case.contender, session.sizes
    looks = "look_seconds" in contender.options
    count = sizes.look_jobs if looks else sizes.latency_jobs
    every = LOOK_EVERY_SECONDS if looks else sizes.latency_every_seconds
    tally.clear()
    with session.database(contender.system) as database:
        session.server.settle()
        with working(session, contender, database) as workers:
            told = ready(workers)
            woken = told if "wake" in contender.options else {}
            with session.adapter(contender, database, **woken) as producer:
                producer.call(
                    "enqueue_singly", first=_WARM_UP_FIRST, count=WARM_UP,
                    every_seconds=every, trace=True, timeout_seconds=_PATIENCE_SECONDS,
                )  # fmt: skip
                producer.call(
                    "enqueue_singly", first=0, count=count,
                    every_seconds=every, trace=True, timeout_seconds=_PATIENCE_SECONDS,
                )  # fmt: skip
            wait_until(
                lambda: tally.read().runs >= count + WARM_UP,
                seconds=_PATIENCE_SECONDS,
                what=f"{contender.label}: the start of {count} handlers",
            )
            called, started = tally.calls(), tally.starts()
    return {
        "jobs": count,
        "every_seconds": every,
        **percentiles([(started[n] - called[n]) / MILLISECOND for n in range(count)]),
    }
