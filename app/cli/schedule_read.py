"""`ops schedule list`, `show` and `next`: what is known of schedules and of an expression."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from app.cli import exits
from app.cli.client import API, client_from_settings
from app.cli.exits import CommandError
from app.cli.invocation import client_options, current, json_option
from app.cli.output import Part, emit, emit_json, emit_table, json_text, one_line, say, status
from app.cli.parameters import NAME
from app.cli.times import ago

_SHOWN = (
    "job_type", "queue", "priority", "max_attempts", "timeout_seconds", "created_by",
    "last_fired_for", "last_missed_for",
)  # fmt: skip


@click.command()
@click.option("--limit", type=click.IntRange(1, 200), help="How many [50].")
@click.option("--cursor", help="Where the page before ended.")
@client_options
def list_command(**filters: Any) -> None:
    """List schedules by name, with when each is due next."""
    page = client_from_settings().get(f"{API}/schedules", filters).body
    if current().as_json:
        emit_json(page)
        return
    if not page["data"]:
        say("No schedules. ", ("next: ", "bold"), "ops schedule create --help")
        return
    rows = [
        (one["name"], one["cron"], one["time_zone"], one["job_type"], _next(one), _last(one))
        for one in page["data"]
    ]
    emit_table(("NAME", "CRON", "ZONE", "TYPE", "NEXT", "LAST"), rows)
    if page["has_more"]:
        say(("more: ", "bold"), f"--cursor {page['next_cursor']}")


@click.command()
@click.argument("name", type=NAME)
@client_options
def show_command(name: str) -> None:
    """Show all that is known of a schedule: its next five runs and its last fires."""
    schedule = client_from_settings().get(f"{API}/schedules/{name}").body
    if current().as_json:
        emit_json(schedule)
        return
    emit(
        (schedule["name"], "bold"),
        f"  {schedule['cron']}  {schedule['time_zone']}  ",
        _next(schedule),
    )
    if schedule["description"]:
        emit(f"  {schedule['description']}")
    for field in _SHOWN:
        if schedule[field] not in (None, ""):
            emit(f"  {field:<15} {one_line(schedule[field])}")
    emit(f"  {'missed':<15} {_missed(schedule)}")
    if schedule["tags"]:
        emit(f"  {'tags':<15} {', '.join(schedule['tags'])}")
    if schedule["paused_at"]:
        reason = schedule["pause_reason"] or "no reason given"
        emit("  paused by       ", (f"{schedule['paused_by']}: {one_line(reason)}", "yellow"))
    emit(("payload", "bold"))
    emit(json_text(schedule["payload"], indent=2))
    if schedule["next_runs"]:
        emit(("next runs", "bold"))
        emit_table(("UTC", "LOCAL"), _run_rows(schedule["next_runs"]), indent="  ")
    if schedule["fires"]:
        emit(("last fires", "bold"))
        rows = [
            (
                fire["occurrence_at"],
                fire["job_id"],
                status(fire["status"] or "gone"),
                fire["fired_by"],
            )
            for fire in schedule["fires"]
        ]
        emit_table(("FOR", "JOB", "STATUS", "FIRED BY"), rows, indent="  ", whole=(0, 1))


@click.command()
@click.argument("expression", metavar="CRON")
@click.option("--zone", "time_zone", default="UTC", show_default=True, help="An IANA time zone.")
@click.option("--count", default=5, show_default=True, type=click.IntRange(1, 100))
@json_option
def next_command(expression: str, time_zone: str, count: int) -> None:
    """Show the next runs of a cron expression; asks nobody."""
    from app.schedules.cron import CronError, read_cron

    try:
        cron = read_cron(expression, time_zone)
    except CronError as error:
        raise CommandError(f"Not usable: {error}.", exit_code=exits.USAGE) from None
    runs = [
        {"at": at.isoformat().replace("+00:00", "Z"), "local": at.astimezone(cron.zone).isoformat()}
        for at in cron.upcoming(datetime.now(UTC), count)
    ]
    if current().as_json:
        emit_json(runs)
        return
    say(f"{cron.description}, {time_zone}")
    emit_table(("UTC", "LOCAL"), _run_rows(runs))


def _run_rows(runs: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(run["at"], f"{run['local']}  ({ago(run['at'])})") for run in runs]


def _next(schedule: dict[str, Any]) -> Part:
    if schedule["paused_at"]:
        return ("paused", "yellow")
    return ago(schedule["next_at"]) if schedule["next_at"] else "never"


def _last(schedule: dict[str, Any]) -> str:
    return ago(schedule["last_fired_for"]) if schedule["last_fired_for"] else ""


def _missed(schedule: dict[str, Any]) -> str:
    policy: str = schedule["missed_policy"]
    return f"{policy}, up to {schedule['catch_up_most']}" if policy == "all" else policy
