"""`ops trigger`: wake the runner, with a job to create or without."""

from __future__ import annotations

from typing import IO

import click

from app.cli.client import API, client_from_settings
from app.cli.creation import payload_options, say_accepted
from app.cli.invocation import client_options, current
from app.cli.output import emit, emit_json, say
from app.cli.parameters import read_payload


@click.command()
@click.argument("job_type", required=False)
@payload_options
@client_options
def trigger_command(
    job_type: str | None, pairs: tuple[str, ...], payload: str | None, file: IO[str] | None
) -> None:
    """Wake the runner; with JOB_TYPE create a job and wake it for that one."""
    given = read_payload(pairs, payload, file)
    if given and job_type is None:
        raise click.UsageError("A payload needs a JOB_TYPE.")
    body = {"job_type": job_type, "payload": given} if job_type else {}
    answer = client_from_settings().post(f"{API}/trigger_runner", body).body
    if job_type:
        say_accepted(answer)
    say(f"wake-up: {answer['wake']['status']}")
    if current().as_json:
        emit_json(answer)
    elif job_type:
        emit(answer["id"])
