"""`ops job create`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import click

from app.cli.client import API, client_from_settings
from app.cli.invocation import client_options, current
from app.cli.job_watch import watch
from app.cli.output import emit, emit_json, say
from app.cli.parameters import AHEAD, LENGTH, read_payload


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


@click.command()
@click.argument("job_type")
@payload_options
@click.option("--queue", help="The queue [default].")
@click.option("--priority", type=int, help="0 runs first, 5 unless said.")
@click.option("--delay", type=LENGTH, metavar="LENGTH", help="Not before this time: 90s, 5m, 2h.")
@click.option("--at", type=AHEAD, metavar="MOMENT", help="Not before: 2026-12-24T08:00+01:00.")
@click.option("--max-attempts", type=int, help="How often it may run.")
@click.option("--timeout", type=LENGTH, metavar="LENGTH", help="How long one attempt may take.")
@click.option("--concurrency-key", help="Jobs that share it are served in turn, limited together.")
@click.option("--dedupe-key", help="No second active job with this key.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be repeated.")
@click.option("--key", metavar="KEY", help="Idempotency key: sending it twice makes one job.")
@click.option("--wait", is_flag=True, help="Follow the job; the exit code is its outcome.")
@client_options
@click.pass_context
def create_command(
    context: click.Context,
    /,
    job_type: str,
    pairs: tuple[str, ...],
    payload: str | None,
    file: IO[str] | None,
    delay: float | None,
    at: str | None,
    timeout: float | None,
    tags: tuple[str, ...],
    key: str | None,
    wait: bool,
    **fields: Any,
) -> None:
    """Create a job of JOB_TYPE and print its id.

    \b
    ops job create metrics_refresh -p url=https://example.com/metrics.csv --wait
    ops job create captorator_compose --file caption.json --delay 5m
    """
    if delay is not None and at is not None:
        raise click.UsageError("Give --delay or --at, not both.")
    body = {
        "job_type": job_type,
        "payload": read_payload(pairs, payload, file),
        **fields,
        "delay_seconds": delay,
        "available_at": at,
        "timeout_seconds": None if timeout is None else round(timeout),
        "tags": list(tags) or None,
    }
    body = {name: value for name, value in body.items() if value is not None}
    client = client_from_settings()
    answer = client.post(f"{API}/jobs", body, {"Idempotency-Key": key} if key else None)
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
