"""`ops schedule pause`, `resume`, `run` and `delete`."""

from __future__ import annotations

from typing import Any

import click

from app.cli.client import API, client_from_settings
from app.cli.creation import key_header, key_option, tell_created
from app.cli.invocation import client_options, current
from app.cli.output import emit_json, say
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
@key_option
@client_options
@click.pass_context
def run_command(context: click.Context, name: str, key: str | None) -> None:
    """Make the job of a schedule now, and print its id; when it is due next stays."""
    client = client_from_settings()
    answer = client.call("POST", f"{API}/schedules/{name}/run", headers=key_header(key))
    tell_created(context, client, answer)


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
