"""`ops schedule pause`, `resume`, `run` and `delete`."""

from __future__ import annotations

from typing import Any

import click

from app.cli.client import API, client_from_settings
from app.cli.invocation import client_options, current
from app.cli.job_create import say_accepted
from app.cli.output import emit, emit_json, say
from app.cli.parameters import NAME


@click.command()
@click.argument("name", type=NAME)
@click.option("--reason", help="Shown with the schedule.")
@click.option("--by", "paused_by", help="Who pauses it, in your words.")
@client_options
def pause_command(name: str, **fields: str | None) -> None:
    """Pause a schedule; what falls into the pause is not made up for."""
    body = {field: value for field, value in fields.items() if value is not None}
    schedule = client_from_settings().post(f"{API}/schedules/{name}/pause", body).body
    _tell(schedule, "paused")


@click.command()
@click.argument("name", type=NAME)
@client_options
def resume_command(name: str) -> None:
    """Resume a schedule from its next occurrence on."""
    schedule = client_from_settings().call("POST", f"{API}/schedules/{name}/resume").body
    runs = schedule["next_runs"]
    _tell(schedule, f"next at {runs[0]['local']}" if runs else "it has no next run")


@click.command()
@click.argument("name", type=NAME)
@click.option("--key", metavar="KEY", help="Idempotency key: sending it twice makes one job.")
@client_options
def run_command(name: str, key: str | None) -> None:
    """Make the job of a schedule now, and print its id; when it is due next stays."""
    headers = {"Idempotency-Key": key} if key else None
    answer = client_from_settings().call("POST", f"{API}/schedules/{name}/run", headers=headers)
    say_accepted(answer.body, is_replayed=answer.status == 200)
    if current().as_json:
        emit_json(answer.body)
    else:
        emit(answer.body["id"])


@click.command()
@click.argument("name", type=NAME)
@client_options
def delete_command(name: str) -> None:
    """Delete a schedule; the jobs that it made stay."""
    schedule = client_from_settings().call("DELETE", f"{API}/schedules/{name}").body
    _tell(schedule, "deleted")


def _tell(schedule: dict[str, Any], what: str) -> None:
    say(("✓ ", "green"), f"{schedule['name']}: {what}")
    if current().as_json:
        emit_json(schedule)
