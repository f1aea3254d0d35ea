"""`ops job create`."""

from __future__ import annotations

from typing import IO, Any

import click

from app.cli.client import API, client_from_settings
from app.cli.creation import key_header, key_option, payload_options, tell_created, wait_option
from app.cli.invocation import client_options
from app.cli.parameters import AHEAD, LENGTH, read_payload


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
@key_option
@wait_option
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
    answer = client.post(f"{API}/jobs", body, key_header(key))
    tell_created(context, client, answer, wait=wait)
