"""What the commands share that make a job: their options, and what they tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from app.cli.client import Answer, Client
from app.cli.invocation import current
from app.cli.job_watch import watch
from app.cli.output import emit, emit_json, say

key_option = click.option(
    "--key", metavar="KEY", help="Idempotency key: sending it twice makes one job."
)
wait_option = click.option(
    "--wait", is_flag=True, help="Follow the job; the exit code is its outcome."
)


def payload_options(command: Any) -> Any:
    """Add the three ways to give a payload."""
    for option in (
        click.option("--file", type=click.File(encoding="utf-8"), help="A file of it; - is stdin."),
        click.option("--payload", metavar="JSON", help="The payload as a JSON object."),
        click.option(
            "-p", "pairs", multiple=True, metavar="KEY=VALUE",
            help="One field of the payload; the value is JSON where it parses, else text.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def key_header(key: str | None) -> dict[str, str] | None:
    """Return the header that makes one job of a request that is sent twice."""
    return {"Idempotency-Key": key} if key else None


def tell_created(
    context: click.Context, client: Client, answer: Answer, *, wait: bool = False
) -> None:
    """Say that the job of an answer is there, and print its id, or follow it to its outcome."""
    job = answer.body
    say_accepted(job, is_replayed=answer.status == 200)
    if wait:
        context.exit(watch(client, job["id"], on_line=say))
    if current().as_json:
        emit_json(job)
    else:
        emit(job["id"])


def say_accepted(job: Mapping[str, Any], *, is_replayed: bool = False) -> None:
    """Tell the person what was accepted, who will run it, and what may go wrong."""
    word = "already there" if is_replayed or job.get("deduplicated") else "accepted"
    say(("✓ ", "green"), f"{word}: {job['job_type']} {job['id']}", _runner_words(job))
    say_warnings(job)


def say_warnings(answer: Mapping[str, Any]) -> None:
    """Tell what did not stop the request but should be known."""
    for warning in answer.get("warnings") or []:
        say(("! ", "yellow"), f"{warning['detail']}")
        if warning.get("hint"):
            say(("  hint: ", "bold"), warning["hint"])


def _runner_words(job: Mapping[str, Any]) -> str:
    runner = job.get("runner") or {}
    if runner.get("online"):
        return ", a runner is online"
    return ", no runner is online" if runner.get("online") is False else ""
