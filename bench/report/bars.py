"""What we hold ourselves to, each with the figure that decides it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.report.markdown import number, percent, table, times
from bench.report.section import Section, is_ours, is_peer, is_raw

RATE = "jobs_per_second"
_THREAD, _PROCESS = "ours-thread", "ours-process"
_EMPTY = "no other job"


@dataclass(frozen=True, slots=True)
class Bar:
    """One demand, what was measured, and whether it is met; None where it was not measured."""

    demand: str
    measured: str
    is_met: bool | None


def bars(sections: Mapping[str, Section]) -> list[Bar]:
    """Return every bar whose scenario was measured."""
    found: list[Bar] = []
    for name, decide in _DECIDED.items():
        if name in sections:
            found += decide(sections[name])
    return found


def render(found: list[Bar]) -> str:
    """Return the table of bars."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    return table(
        ["what we hold ourselves to", "measured", "met"],
        [[bar.demand, bar.measured, words[bar.is_met]] for bar in found],
        words=3,
    )


def _at_least(demand: str, part: float | None, whole: float | None, least: float) -> Bar:
    met = None if part is None or not whole else part >= least * whole
    return Bar(demand, percent(part, whole), met)


def _drain(section: Section) -> Iterator[Bar]:
    for workers in (1, 2):
        raw = section.best(RATE, is_raw, workers=workers)
        peer = section.best(RATE, is_peer, workers=workers)
        thread = section.median(_THREAD, RATE, workers=workers)
        process = section.median(_PROCESS, RATE, workers=workers)
        who = f"{workers} runner{'s' if workers > 1 else ''}"
        yield _at_least(f"thread slots, {who}: 60 % of the raw limit", thread, raw, 0.6)
        yield _at_least(f"process slots, {who}: 40 % of the raw limit", process, raw, 0.4)
        yield Bar(
            f"thread slots, {who}: 1.5 times the best peer",
            times(thread, peer),
            None if thread is None or not peer else thread >= 1.5 * peer,
        )
        yield Bar(
            f"process slots, {who}: ahead of every peer",
            times(process, peer),
            None if process is None or not peer else process > peer,
        )


def _enqueue(section: Section) -> Iterator[Bar]:
    for way in ("one by one", "bulk"):
        ours = section.best(RATE, is_ours, way=way)
        peer = section.best(RATE, is_peer, way=way)
        yield Bar(
            f"enqueue {way}: as fast as the fastest peer",
            times(ours, peer),
            None if ours is None or not peer else ours >= peer,
        )
    raw = section.best(RATE, is_raw, way="bulk")
    yield _at_least(
        "enqueue in bulk: 60 % of raw COPY", section.best(RATE, is_ours, way="bulk"), raw, 0.6
    )


def _latency(section: Section) -> Iterator[Bar]:
    def by_wake(name: str) -> bool:
        return is_ours(name) and name.endswith("wake")

    p50 = section.best("p50", by_wake, largest=False)
    yield Bar("p50 by wake: under 10 ms", f"{number(p50)} ms", None if p50 is None else p50 < 10)
    ours = section.best("p99", by_wake, largest=False)
    peer = section.best("p99", is_peer, largest=False)
    yield Bar(
        "p99 by wake: the best",
        f"{number(ours)} ms; best peer {number(peer)} ms",
        None if ours is None or peer is None else ours <= peer,
    )


def _idle(section: Section) -> Iterator[Bar]:
    a_day = section.median("ours", "statements_per_day")
    yield Bar(
        "idle: fewer than 300 statements a day",
        number(a_day),
        None if a_day is None else a_day < 300,
    )


def _backlog(section: Section) -> Iterator[Bar]:
    empty = section.median(_THREAD, RATE, backlog=_EMPTY)
    for backlog in section.parameters("backlog"):
        if backlog != _EMPTY:
            beside = section.median(_THREAD, RATE, backlog=backlog)
            yield _at_least(
                f"beside {backlog}: 90 % of the rate on an empty table", beside, empty, 0.9
            )


def _snapshot(section: Section) -> Iterator[Bar]:
    for pace in section.parameters("pace"):
        run = section.first(_THREAD, pace=pace)
        kept = None if run is None else run["kept"]
        yield Bar(
            f"held snapshot, {pace}: 80 % of the rate at its end",
            percent(kept, 1),
            None if kept is None else kept >= 0.8,
        )
        first, last = (None, None)
        if run is not None:
            first, last = (run["windows"][at].get("claim_p99") for at in (0, -1))
        yield Bar(
            f"held snapshot, {pace}: claim p99 at most 3 times",
            times(last, first),
            None if not first or last is None else last <= 3 * first,
        )


def _corpus(section: Section) -> Iterator[Bar]:
    worst = max(section.values("ours", "max"), default=None)
    yield Bar(
        "bad input: each refused within 250 ms",
        f"{number(worst)} ms",
        None if worst is None else worst < 250,
    )


def _reads(section: Section) -> Iterator[Bar]:
    dearest = max(section.values("ours", "database_p50"), default=None)
    yield Bar(
        f"reads beside {number(section.sizes['history_rows'])} jobs: each under 50 ms of the"
        " database",
        f"{number(dearest)} ms",
        None if dearest is None else dearest < 50,
    )


def _retention(section: Section) -> Iterator[Bar]:
    lost = max(section.values("ours-thread-deletes", "live_rows_lost"), default=None)
    yield Bar("retention: no live row lost", number(lost), None if lost is None else lost == 0)


_DECIDED = {
    "drain": _drain,
    "enqueue": _enqueue,
    "latency": _latency,
    "idle": _idle,
    "backlog": _backlog,
    "snapshot": _snapshot,
    "corpus": _corpus,
    "reads": _reads,
    "retention": _retention,
}
