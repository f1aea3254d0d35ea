"""`ops job watch`, and the following of a job that other commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from app.cli import exits
from app.cli.client import Client, client_from_settings
from app.cli.invocation import client_options, current
from app.cli.output import emit, emit_json, say
from app.cli.parameters import JOB_ID, LENGTH
from app.cli.watching import event_line, follow, outcome_line


def watch(
    client: Client,
    job_id: str,
    *,
    on_line: Callable[..., None],
    timeout_seconds: float | None = None,
) -> int:
    """Print the job's events as they come and its outcome; return the exit code that means it.

    Under --json only the final job is printed.
    """
    as_json = current().as_json
    job: dict[str, Any] = {}
    try:
        for job, event in follow(client, [job_id], timeout_seconds=timeout_seconds):
            if event is not None:
                (say if as_json else on_line)(*event_line(job, event))
    except KeyboardInterrupt:
        say("The job goes on. ", ("hint:", "bold"), f" ops job watch {job_id}")
        return exits.INTERRUPTED
    (say if as_json else on_line)(*outcome_line(job))
    if as_json:
        emit_json(job)
    return exits.JOB_OUTCOMES[job["status"]]


@click.command()
@click.argument("job_id", type=JOB_ID)
@click.option("--timeout", type=LENGTH, metavar="LENGTH", help="Stop watching after this time.")
@client_options
@click.pass_context
def watch_command(context: click.Context, job_id: str, timeout: float | None) -> None:
    """Follow a job until it is final: 0 succeeded, 7 failed, 8 cancelled."""
    client = client_from_settings()
    context.exit(watch(client, job_id, on_line=emit, timeout_seconds=timeout))
