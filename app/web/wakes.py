"""Wake-ups to all runners at once, merged: at most one is under way from this process to each.

Whoever comes while one is under way shares the next, which leaves when that one has ended. It may
not share the one that is under way: the runner may have looked already, before the job of the
newcomer was committed. Waiting a moment for more to share would be worse than sending: 50 ms took
callers from 384 requests a second to 142, and a runner merges what follows closely by itself.

Whoever knows that there will be something to say has the connection made ahead (`prepare`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from app.web.wake import WakeCall, WakeOutcome, send_wake


def prepare(urls: Sequence[str], *, timeout_seconds: float) -> None:
    """Connect to every runner for the wake-up that follows; returns at once."""
    for url in urls:
        _lane(url).prepare(timeout_seconds)


def wake_all(urls: Sequence[str], token: str, *, timeout_seconds: float) -> WakeOutcome:
    """Wake every runner, all within the one budget; accepted where one of them accepted."""
    ends_at = time.monotonic() + timeout_seconds
    calls = [partial(_lane(url).wake, token, ends_at) for url in urls]
    return _sum_up(_at_once(calls, ends_at))


def name_job(
    urls: Sequence[str], token: str, *, timeout_seconds: float, job_id: str, job_type: str
) -> WakeOutcome:
    """Wake the runners for one job; refused where none of them allows its type.

    A runner that is told the id of a job that it does not allow rejects it. Where there are several
    they are asked for the type alone, and only when all have refused is one told the id.
    """
    ends_at = time.monotonic() + timeout_seconds

    def tell(url: str, known_id: str | None) -> WakeOutcome:
        return _lane(url).send(token, ends_at, job_id=known_id, job_type=job_type)

    if len(urls) == 1:
        return tell(urls[0], job_id)
    outcomes = _at_once([partial(tell, url, None) for url in urls], ends_at)
    if all(outcome.status == "refused" for outcome in outcomes):
        return tell(urls[0], job_id)
    return _sum_up(outcomes)


@dataclass
class _Round:
    """One wake-up to one runner, and those who share it."""

    outcome: WakeOutcome | None = None


@dataclass
class _Lane:
    """The wake-ups to one runner. One of those who wait for a round sends it for all.

    One call at most is prepared. Where the job that it was for is not committed it is left to the
    next wake-up, or replaced when it is no longer fresh.
    """

    url: str
    changed: threading.Condition = field(default_factory=threading.Condition)
    following: _Round | None = None
    is_under_way: bool = False
    prepared: WakeCall | None = None

    def prepare(self, timeout_seconds: float) -> None:
        """Connect for the next wake-up, unless one is under way: then many share the next."""
        with self.changed:
            if not self.is_under_way:
                self.prepared = self._fresh() or WakeCall(self.url, timeout_seconds=timeout_seconds)

    def send(
        self, token: str, ends_at: float, *, job_id: str | None = None, job_type: str | None = None
    ) -> WakeOutcome:
        """Send a wake-up by the call that is prepared, or by a new one.

        Also where the prepared one gets no answer: since then the runner may have been started, or
        started again. Where that took all the time there is, none is left for another.
        """
        with self.changed:
            prepared, self.prepared = self._fresh(), None
        if prepared is not None:
            outcome = prepared.send(
                token, timeout_seconds=_left(ends_at), job_id=job_id, job_type=job_type
            )
            if prepared.is_answered or outcome.status == "timed_out":
                return outcome
        return send_wake(
            self.url, token, timeout_seconds=_left(ends_at), job_id=job_id, job_type=job_type
        )

    def wake(self, token: str, ends_at: float) -> WakeOutcome:
        """Wake the runner by a wake-up that leaves after this call began."""
        with self.changed:
            mine = self.following = self.following or _Round()
            self.changed.wait_for(
                lambda: mine.outcome is not None or self._is_turn_of(mine),
                ends_at - time.monotonic(),
            )
            if mine.outcome is not None:
                return mine.outcome
            if not self._is_turn_of(mine):
                return WakeOutcome(sent=False, status="timed_out")
            self.is_under_way, self.following = True, None
        outcome = WakeOutcome(sent=False, status="error")
        try:
            outcome = self.send(token, ends_at)
        finally:
            with self.changed:
                mine.outcome, self.is_under_way = outcome, False
                self.changed.notify_all()
        return outcome

    def _fresh(self) -> WakeCall | None:
        return self.prepared if self.prepared is not None and self.prepared.is_fresh else None

    def _is_turn_of(self, one: _Round) -> bool:
        return not self.is_under_way and self.following is one


_lanes: dict[str, _Lane] = {}


def _lane(url: str) -> _Lane:
    return _lanes.setdefault(url, _Lane(url))


def _left(ends_at: float) -> float:
    return max(0.01, ends_at - time.monotonic())


def _at_once(calls: Sequence[Callable[[], WakeOutcome]], ends_at: float) -> list[WakeOutcome]:
    """Make all calls at the same time, the first one here; each keeps the budget by itself."""
    outcomes = [WakeOutcome(sent=False, status="timed_out") for _ in calls]

    def make(place: int) -> None:
        outcomes[place] = calls[place]()

    threads = []
    for place in range(1, len(calls)):
        thread = threading.Thread(target=make, args=(place,), name="wakes", daemon=True)
        try:
            thread.start()
            threads.append(thread)
        except RuntimeError:  # no thread is left: the others are woken all the same
            outcomes[place] = WakeOutcome(sent=False, status="error")
    make(0)
    for thread in threads:
        thread.join(max(0.05, ends_at - time.monotonic()))
    return outcomes


def _sum_up(outcomes: Sequence[WakeOutcome]) -> WakeOutcome:
    """Say what became of all: the best that happened, and how many failed."""
    best = min(outcomes, key=lambda outcome: (outcome.status != "accepted", not outcome.sent))
    failed = sum(outcome.status != "accepted" for outcome in outcomes)
    return replace(best, failed=failed if best.status == "accepted" else 0)
