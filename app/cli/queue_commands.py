"""`ops queue list`, `pause` and `resume`."""

from __future__ import annotations

from typing import Any

import click

from app.cli.client import API, client_from_settings
from app.cli.invocation import client_options, current
from app.cli.output import Part, emit_json, emit_table, say
from app.cli.parameters import AHEAD, NAME
from app.cli.times import ago


@click.command()
@client_options
def list_command() -> None:
    """List the queues that have something to do, or a pause."""
    page = client_from_settings().get(f"{API}/queues").body
    if current().as_json:
        emit_json(page)
        return
    rows = [
        (queue["name"], _count(queue["queued"]), _count(queue["running"]), _pause(queue["pause"]))
        for queue in page["data"]
    ]
    emit_table(("QUEUE", "QUEUED", "RUNNING", "PAUSED"), rows)


@click.command()
@click.argument("name", type=NAME)
@click.option("--reason", help="Told to whoever asks why a job waits.")
@click.option("--until", type=AHEAD, metavar="MOMENT", help="Resume by itself then: 2h, or ISO.")
@click.option("--by", "requested_by", help="Who pauses it, in your words.")
@client_options
def pause_command(name: str, **fields: str | None) -> None:
    """Let no job of a queue start; what runs goes on."""
    body = {field: value for field, value in fields.items() if value is not None}
    queue = client_from_settings().post(f"{API}/queues/{name}/pause", body).body
    resume_at = queue["pause"]["resume_at"]
    _tell(queue, f"paused, resumes {ago(resume_at)}" if resume_at else "paused")


@click.command()
@click.argument("name", type=NAME)
@client_options
def resume_command(name: str) -> None:
    """Let the jobs of a queue start again."""
    _tell(client_from_settings().call("POST", f"{API}/queues/{name}/resume").body, "resumed")


def _count(counted: dict[str, Any]) -> str:
    return f"{counted['count']:,}" if counted["is_exact"] else f"{counted['count']:,}+"


def _pause(pause: dict[str, Any] | None) -> Part:
    if pause is None:
        return ""
    words = [f"{ago(pause['paused_at'])} by {pause['paused_by']}"]
    if pause["resume_at"]:
        words.append(f"resumes {ago(pause['resume_at'])}")
    if pause["pause_reason"]:
        words.append(pause["pause_reason"])
    return ("; ".join(words), "yellow")


def _tell(queue: dict[str, Any], what: str) -> None:
    say(("✓ ", "green"), f"{queue['name']}: {what}")
    if current().as_json:
        emit_json(queue)
