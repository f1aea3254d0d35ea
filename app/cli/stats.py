"""`ops stats`: how many jobs ended and how, how long they ran and waited."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import click

from app.cli.client import API, client_from_settings
from app.cli.invocation import client_options, current
from app.cli.output import Part, emit_json, emit_table, say
from app.cli.parameters import AGO
from app.cli.times import ago, length

_SUMMED = ("succeeded", "failed", "cancelled", "runs", "run_seconds", "wait_seconds")


@click.command()
@click.option("--since", type=AGO, metavar="MOMENT", help="From then on: 2h, 3d, ISO [an hour].")
@click.option("--type", "job_type", metavar="TYPE", help="Only jobs of this type.")
@client_options
def stats_command(since: str | None, job_type: str | None) -> None:
    """Show how many jobs of each type ended and how, and how long they ran and waited."""
    query = {"since": since, "job_type": job_type, "step": "hour" if since else "minute"}
    answer = client_from_settings().get(f"{API}/stats", query).body
    if current().as_json:
        emit_json(answer)
        return
    totals = _by_type(answer["data"])
    if not totals:
        say("No job ended since then.")
        return
    rows = [
        (name, f"{total['succeeded']:,}", _failed(total["failed"]), f"{total['cancelled']:,}",
         _mean(total, "run_seconds"), _mean(total, "wait_seconds"))
        for name, total in sorted(totals.items())
    ]  # fmt: skip
    emit_table(("TYPE", "SUCCEEDED", "FAILED", "CANCELLED", "RAN", "WAITED"), rows)
    behind = "; there is more to count" if answer["is_behind"] else ""
    say((f"counted up to {ago(answer['as_of'])}{behind}; times are means", "dim"))


def _by_type(figures: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    totals: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(_SUMMED, 0))
    for each in figures:
        for name in _SUMMED:
            totals[each["job_type"]][name] += each[name]
    return dict(totals)


def _failed(count: float) -> Part:
    return (f"{count:,}", "red") if count else "0"


def _mean(total: dict[str, float], name: str) -> str:
    return length(total[name] / total["runs"]) if total["runs"] else ""
