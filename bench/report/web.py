"""The tables of http, cold_start, corpus and reads: what the control plane takes for an answer."""

from __future__ import annotations

from bench.report.markdown import number, paragraphs, ranged, table
from bench.report.section import Section, failures, is_ours

RATE = "requests_per_second"


def http(section: Section) -> str:
    """Requests a second and milliseconds of each, by jobs in a request and clients at once."""
    parts = []
    for load, words in _loads(section).items():
        rate = f"loads.{load}.{RATE}"
        best = section.best(rate, is_ours) or 0
        rows = [
            [
                label,
                ranged(section.spread(name, rate)),
                number(section.median(name, f"loads.{load}.jobs_per_second")),
                *(number(section.median(name, f"loads.{load}.{p}")) for p in ("p50", "p95", "p99")),
                number(section.median(name, f"loads.{load}.statements_per_request")),
                section.why(name, is_ahead=(section.median(name, rate) or 0) > best),
            ]
            for name, label in section.ordered(rate)
        ]
        headings = [
            "", "requests/s", "jobs/s", "p50 ms", "p95 ms", "p99 ms", "statements a request",
            "why ahead of us",
        ]  # fmt: skip
        parts += [f"{words}:", table(headings, rows)]
    commits = [
        f"{label} {number(section.median(name, 'commits_per_request'))}"
        for name, label in section.contenders().items()
    ]
    return paragraphs(
        *parts, f"Transactions a request, over all loads: {'; '.join(commits)}.", failures(section)
    )


def _loads(section: Section) -> dict[str, str]:
    """Return the name of each load, and how it reads to a person."""
    run = next((run for run in section.runs if "loads" in run), None)
    found = {} if run is None else run["loads"]
    return {
        name: f"{_count(load['jobs'], 'job')} a request, {_count(load['clients'], 'client')}"
        for name, load in found.items()
    }


def _count(number_of: int, word: str) -> str:
    return f"{number_of:,} {word}{'' if number_of == 1 else 's'}"
