"""The tables of drain, enqueue and latency."""

from __future__ import annotations

from bench.report.markdown import number, paragraphs, percent, ranged, table
from bench.report.section import Section, failures, is_ours, is_raw

RATE = "jobs_per_second"


def drain(section: Section) -> str:
    """Jobs a second from the first handler's start to the last completion in the database."""
    rows = []
    for name, label in section.ordered(RATE, workers=1):
        one = section.median(name, RATE, workers=1)
        two = section.median(name, RATE, workers=2)
        is_ahead = any(
            mine is not None and mine > (section.best(RATE, is_ours, workers=workers) or 0)
            for mine, workers in ((one, 1), (two, 2))
        )
        rows.append(
            [
                label,
                ranged(section.spread(name, RATE, workers=1)),
                ranged(section.spread(name, RATE, workers=2)),
                percent(one, section.best(RATE, is_raw, workers=1)),
                percent(two, section.best(RATE, is_raw, workers=2)),
                number(section.median(name, "with_boot_per_second", workers=1)),
                number(section.median(name, "jobs", workers=1)),
                section.why(name, is_ahead=is_ahead),
            ]
        )
    headings = [
        "", "1 worker process", "2 worker processes", "of the raw limit, 1", "of the raw limit, 2",
        "1, with its start", "jobs", "why ahead of us",
    ]  # fmt: skip
    twice = [
        f"* {run['label']} ran {run['runs'] - run['jobs']} jobs twice"
        for run in section.runs
        if run.get("runs", 0) > run.get("jobs", 0)
    ]
    return paragraphs(table(headings, rows), failures(section), "\n".join(twice))


def enqueue(section: Section) -> str:
    """Jobs a second, one by one on one connection, and in bulk."""
    return paragraphs(
        "One by one, on one connection, a commit each:",
        table(
            ["", "jobs/s", "p50 ms", "p99 ms", "why ahead of us"],
            [
                [
                    label,
                    ranged(section.spread(name, RATE, way="one by one")),
                    number(section.median(name, "p50", way="one by one")),
                    number(section.median(name, "p99", way="one by one")),
                    _why_faster(section, name, way="one by one"),
                ]
                for name, label in section.ordered(RATE, way="one by one")
            ],
        ),
        "In bulk:",
        table(
            ["", "jobs/s", "of raw COPY", "jobs", "how", "why ahead of us"],
            [
                [
                    label,
                    ranged(section.spread(name, RATE, way="bulk")),
                    percent(
                        section.median(name, RATE, way="bulk"),
                        section.best(RATE, is_raw, way="bulk"),
                    ),
                    number(section.median(name, "jobs", way="bulk")),
                    str(section.systems[name]["bulk"]),
                    _why_faster(section, name, way="bulk"),
                ]
                for name, label in section.ordered(RATE, way="bulk")
            ],
        ),
        failures(section),
    )


def latency(section: Section) -> str:
    """Milliseconds from the enqueuing call to the start of the handler."""
    rows = []
    for name, label in section.ordered("p50", largest_first=False):
        is_ahead = any(
            (section.median(name, measure) or float("inf"))
            < (section.best(measure, is_ours, largest=False) or 0)
            for measure in ("p50", "p99")
        )
        rows.append(
            [
                label,
                *(ranged(section.spread(name, measure)) for measure in ("p50", "p95", "p99")),
                number(section.median(name, "max")),
                number(section.median(name, "jobs")),
                section.why(name, is_ahead=is_ahead),
            ]
        )
    return paragraphs(
        table(["", "p50 ms", "p95 ms", "p99 ms", "max ms", "jobs", "why ahead of us"], rows),
        failures(section),
    )


def _why_faster(section: Section, name: str, *, way: str) -> str:
    mine = section.median(name, RATE, way=way) or 0
    ours = section.best(RATE, is_ours, way=way) or 0
    return section.why(name, is_ahead=mine > ours)
