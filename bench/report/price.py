"""The tables of cost, indexes and fairness."""

from __future__ import annotations

from bench.report.markdown import number, paragraphs, percent, ranged, table
from bench.report.section import Section, failures

RATE = "jobs_per_second"
COUNTS = {
    "statements": "statements",
    "commits": "commits",
    "wal_bytes": "WAL bytes",
    "inserts": "rows inserted",
    "updates": "rows updated",
    "hot_updates": "of them HOT",
    "disk_bytes": "bytes on disk",
}


def cost(section: Section, drained: Section | None) -> str:
    """What one job costs in each batch size, and what it cost everybody in the drain."""
    parts = []
    for phase, words in (
        ("enqueue_per_job", "Enqueued"),
        ("run_per_job", "Claimed and succeeded, with their events"),
    ):
        rows = []
        for batch in section.parameters("batch"):
            for name in section.contenders(batch=batch, connections=1):
                counts = [
                    number(section.median(name, f"{phase}.{count}", connections=1))
                    for count in COUNTS
                ]
                rows.append([number(batch), *counts])
        parts += [f"{words}, for one job:", table(["at a time", *COUNTS.values()], rows)]
    rates = []
    for batch in section.parameters("batch"):
        for name in section.contenders(batch=batch):
            found = [section.spread(name, RATE, connections=count) for count in (1, 2)]
            rates.append([number(batch), *map(ranged, found)])
    parts += [
        "The rate of the same loops, jobs/s:",
        table(["at a time", "1 connection", "2 connections"], rates),
    ]
    if drained is not None:
        parts += ["The drain above, everybody, one worker, for one job:", _drained(drained)]
    return paragraphs(*parts, failures(section))


def _drained(section: Section) -> str:
    rows = [
        [
            label,
            *(
                number(section.median(name, f"per_job.{count}", workers=1))
                for count in (*COUNTS, "deletes")
            ),
        ]
        for name, label in section.ordered(RATE, workers=1)
    ]
    return table(["", *COUNTS.values(), "rows deleted"], rows)


def indexes(section: Section) -> str:
    """The rate of the raw loop with the indexes as they are, without each, and with more."""
    changes = section.parameters("indexes")
    whole = section.median("raw", RATE, indexes=changes[0])
    rows = [
        [
            change,
            ranged(section.spread("raw", RATE, indexes=change)),
            percent(section.median("raw", RATE, indexes=change), whole),
            number(section.median("raw", "per_job.wal_bytes", indexes=change)),
        ]
        for change in changes
    ]
    return paragraphs(
        table(["indexes", "jobs/s", "of all as they are", "WAL bytes a job"], rows),
        failures(section),
    )


def fairness(section: Section) -> str:
    """The order of priorities, and what floods do to calm jobs."""
    rows = []
    for question in section.parameters("question"):
        for name in section.contenders(question=question):
            median = {
                measure: section.median(name, measure, question=question)
                for measure in (
                    "overtaken", "flood_jobs", "median_wait_seconds", "worst_wait_seconds",
                    "all_done_seconds",
                )
            }  # fmt: skip
            rows.append([question, *map(number, median.values())])
    headings = [
        "", "started after a less urgent one", "flood", "median wait s", "worst wait s",
        "all done after s",
    ]  # fmt: skip
    return paragraphs(table(headings, rows), failures(section))
