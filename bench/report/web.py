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


_STAGES = {
    "started": "the interpreter has started",
    "imported": "`api.index` is imported",
    "first": "the first answer",
    "all": "**all of it: from nothing to the first answer**",
    "second": "the second answer",
}


def cold_start(section: Section) -> str:
    """What each stage of a cold start took, and how large the process is."""
    (name,) = section.contenders()
    rows = []
    for stage, words in _STAGES.items():
        found = section.spread(name, stage)
        ends = (None, None) if found is None else (found.median, found.high)
        rows.append([words, *map(number, ends)])
    resident = section.median(name, "max_rss_bytes")
    return paragraphs(
        f"{len(section.runs)} starts.",
        table(["", "median ms", "worst ms"], rows),
        f"At most {number(resident and resident / 1e6)} MB resident,"
        f" {number(section.median(name, 'modules'))} modules.",
        failures(section),
    )


def corpus(section: Section) -> str:
    """How many cases of bad input there are, and how fast they are refused."""
    rounds = [run for run in section.runs if "failed" not in run]
    rows = [
        [
            number(round_["requests"]),
            *(number(round_[measure]) for measure in ("p50", "p95", "p99", "max", "over_limit")),
            round_["slowest"].partition(" ")[2],
            ", ".join(round_["wrong"]) or "none",
        ]
        for round_ in rounds
    ]
    headings = [
        "requests", "p50 ms", "p95 ms", "p99 ms", "worst ms", "over 250 ms", "the slowest",
        "not answered as the tests ask",
    ]  # fmt: skip
    return paragraphs(table(headings, rows, words=0), failures(section))


def reads(section: Section) -> str:
    """What each read cost the database, the dearest first, by what most of the jobs are."""
    measures = ("statements", "database_p50", "database_max", "p50", "max")
    headings = ["GET", "statements", "database p50 ms", "worst ms", "answer p50 ms", "worst ms"]
    parts = []
    for most in section.parameters("most"):
        runs = [run for run in section.runs if run["most"] == most and "path" in run]
        runs.sort(key=lambda run: run["database_p50"], reverse=True)
        rows = [
            [f"`{run['path']}`", *(number(run[measure]) for measure in measures)] for run in runs
        ]
        parts += [f"{number(section.sizes['history_rows'])} {most} jobs:", table(headings, rows)]
    return paragraphs(*parts, failures(section))
