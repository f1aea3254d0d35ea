"""`ops job retry` and `ops job replay`."""

from __future__ import annotations

from typing import IO

import click

from app.cli.client import API, client_from_settings
from app.cli.creation import (
    key_header,
    key_option,
    payload_options,
    say_accepted,
    tell_created,
    wait_option,
)
from app.cli.invocation import client_options, current
from app.cli.job_watch import watch
from app.cli.output import emit_json, say
from app.cli.parameters import JOB_ID, read_payload


@click.command()
@click.argument("job_id", type=JOB_ID)
@wait_option
@client_options
@click.pass_context
def retry_command(context: click.Context, job_id: str, wait: bool) -> None:
    """Give a failed or cancelled job one more attempt, also where all were spent."""
    client = client_from_settings()
    job = client.call("POST", f"{API}/jobs/{job_id}/retry").body
    say_accepted(job)
    if wait:
        context.exit(watch(client, job_id, on_line=say))
    if current().as_json:
        emit_json(job)


@click.command()
@click.argument("job_id", type=JOB_ID)
@payload_options
@key_option
@wait_option
@client_options
@click.pass_context
def replay_command(
    context: click.Context,
    job_id: str,
    pairs: tuple[str, ...],
    payload: str | None,
    file: IO[str] | None,
    key: str | None,
    wait: bool,
) -> None:
    """Make a new job like an old one, and print its id.

    With -p one field of the old payload is another; --payload and --file take its place.
    """
    client = client_from_settings()
    body = {}
    if payload is not None or file is not None:
        body["payload"] = read_payload(pairs, payload, file)
    elif pairs:
        old = client.get(f"{API}/jobs/{job_id}").body["payload"]
        body["payload"] = old | read_payload(pairs, None, None)
    answer = client.post(f"{API}/jobs/{job_id}/replay", body, key_header(key))
    tell_created(context, client, answer, wait=wait)
