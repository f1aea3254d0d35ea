"""`ops schedule create`."""

from __future__ import annotations

from typing import IO, Any

import click

from app.cli.client import API, client_from_settings
from app.cli.creation import payload_options, say_warnings
from app.cli.invocation import client_options, current
from app.cli.output import emit, emit_json, say
from app.cli.parameters import LENGTH, NAME, read_payload


@click.command()
@click.argument("name", type=NAME)
@click.argument("expression", metavar="CRON")
@click.argument("job_type")
@click.option("--zone", "time_zone", metavar="ZONE", help="The IANA time zone of CRON [UTC].")
@payload_options
@click.option("--queue", help="The queue of its jobs [default].")
@click.option("--priority", type=int, help="0 runs first, 5 unless said.")
@click.option("--max-attempts", type=int, help="How often each job may run.")
@click.option("--timeout", type=LENGTH, metavar="LENGTH", help="How long one attempt may take.")
@click.option("--tag", "tags", multiple=True, help="A tag of its jobs; may be repeated.")
@click.option(
    "--missed", "missed_policy", type=click.Choice(["skip", "last", "all"]),
    help="What becomes of occurrences that nobody fired in time [last].",
)  # fmt: skip
@click.option("--catch-up-most", type=int, help="The most that `all` makes up for [10].")
@click.option("--created-by", help="Who asks, in your words.")
@client_options
def create_command(
    expression: str,
    pairs: tuple[str, ...],
    payload: str | None,
    file: IO[str] | None,
    timeout: float | None,
    tags: tuple[str, ...],
    **fields: Any,
) -> None:
    """Create the schedule NAME: a job of JOB_TYPE at every occurrence of CRON.

    \b
    ops schedule create metrics_daily "30 6 * * *" metrics_refresh --zone Europe/Berlin
    ops schedule next "30 6 * * *" --zone Europe/Berlin     shows when that is
    """
    body = {
        **fields,
        "cron": expression,
        "payload": read_payload(pairs, payload, file),
        "timeout_seconds": None if timeout is None else round(timeout),
        "tags": list(tags) or None,
    }
    body = {name: value for name, value in body.items() if value is not None}
    schedule = client_from_settings().post(f"{API}/schedules", body).body
    first = schedule["next_runs"][0]
    say(("✓ ", "green"), f"{schedule['description']}, first at {first['local']}")
    say_warnings(schedule)
    if current().as_json:
        emit_json(schedule)
    else:
        emit(schedule["name"])
