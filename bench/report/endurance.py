"""The tables of idle, backlog, snapshot and retention: much time or much data passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report.markdown import NOTHING, number, paragraphs, percent, ranged, table
from bench.report.section import Section, failures, is_ours

RATE = "jobs_per_second"
_EMPTY = "no other job"


def idle(section: Section) -> str:
    """What one idle worker cost in the given time."""
    rows = []
    for name, label in section.ordered("statements", largest_first=False):
        statements = section.median(name, "statements")
        ours = section.best("statements", is_ours, largest=False)
        is_ahead = statements is not None and ours is not None and statements < ours
        rows.append(
            [
                label,
                *(
                    number(section.median(name, measure))
                    for measure in (
                        "statements", "statements_per_day", "connections", "server_cpu_seconds",
                        "worker_cpu_seconds",
                    )
                ),
                section.why(name, is_ahead=is_ahead),
            ]
        )  # fmt: skip
    headings = [
        "", f"statements in {number(section.sizes['idle_seconds'])} s", "statements a day",
        "connections", "server CPU s", "worker CPU s", "why ahead of us",
    ]  # fmt: skip
    return paragraphs(table(headings, rows), failures(section))


def backlog(section: Section) -> str:
    """The rate of the first claims beside each backlog, and the plan of a claim."""
    rows = []
    for backlog_name in section.parameters("backlog"):
        for name, label in section.contenders(backlog=backlog_name).items():
            run = section.first(name, backlog=backlog_name)
            rate = section.median(name, RATE, backlog=backlog_name)
            rows.append(
                [
                    label,
                    backlog_name,
                    number(rate),
                    percent(rate, section.median(name, RATE, backlog=_EMPTY)),
                    *_plan(run),
                ]
            )
    rows.sort(key=lambda row: row[0])
    headings = [
        "", "beside", "jobs/s", "of the empty table", "buffers of a claim", "ms of a claim",
        "sequential scans", "rows sorted",
    ]  # fmt: skip
    return paragraphs(
        f"{number(section.sizes['backlog_rows'])} rows in each backlog.",
        table(headings, rows, words=2),
        failures(section),
    )


def _plan(run: Mapping[str, Any] | None) -> list[str]:
    if run is None or "claim_buffers" not in run:
        return [NOTHING] * 4
    return [
        number(run["claim_buffers"]),
        number(run["claim_ms"]),
        ", ".join(run["seq_scans"]) or "none",
        number(run["most_sorted"]),
    ]


def snapshot(section: Section) -> str:
    """The first and the last window under a snapshot that stays open."""
    parts = [f"The first and the last of {section.sizes['snapshot_windows']} equal parts."]
    for pace in section.parameters("pace"):
        rows = [
            _windows(label, run)
            for name, label in section.contenders(pace=pace).items()
            if (run := section.first(name, pace=pace)) is not None
        ]
        headings = [
            "", "held s", "jobs/s, first", "jobs/s, last", "kept", "latency p50 ms",
            "latency p99 ms", "claim mean ms", "claim p99 ms", "dead rows", "MB",
        ]  # fmt: skip
        parts += [f"{pace.capitalize()}:", table(headings, rows)]
    return paragraphs(*parts, failures(section))


def _windows(label: str, run: Mapping[str, Any]) -> list[str]:
    first, last = run["windows"][0], run["windows"][-1]

    def change(measure: str) -> str:
        before, after = first.get(measure), last.get(measure)
        return NOTHING if after is None else f"{number(before)} → {number(after)}"

    return [
        label,
        number(run["held_seconds"]),
        number(first["jobs_per_second"]),
        number(last["jobs_per_second"]),
        percent(last["jobs_per_second"], first["jobs_per_second"]),
        *(change(name) for name in ("latency_p50", "latency_p99", "claim_mean", "claim_p99")),
        number(run["dead_tuples"]),
        number(run["disk_bytes"] / 1e6),
    ]


def retention(section: Section) -> str:
    """The rate of a drain beside old jobs that stay, and beside those that are deleted."""
    sweeps = section.parameters("sweep")
    kept = section.best(RATE, is_ours, sweep=sweeps[0])
    rows = []
    for sweep in sweeps:
        for name in section.contenders(sweep=sweep):
            median = {
                measure: section.median(name, measure, sweep=sweep)
                for measure in (RATE, "deleted_meanwhile", "deleted_per_second", "sweep_seconds")
            }
            rows.append(
                [
                    f"the runner {sweep}",
                    ranged(section.spread(name, RATE, sweep=sweep)),
                    percent(median[RATE], kept),
                    *(number(median[m]) for m in list(median)[1:]),
                    number(max(section.values(name, "live_rows_lost", sweep=sweep), default=None)),
                ]
            )
    headings = [
        "", "jobs/s", "of the rate without", "deleted meanwhile", "deleted a second, to the end",
        "all deleted after s", "live rows lost",
    ]  # fmt: skip
    return paragraphs(
        f"{number(section.sizes['retention_jobs'])} jobs drained beside"
        f" {number(section.sizes['history_rows'])} old ones.",
        table(headings, rows),
        failures(section),
    )
