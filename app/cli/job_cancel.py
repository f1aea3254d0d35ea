"""`ops job cancel`."""

from __future__ import annotations

import click

from app.cli.client import API, client_from_settings
from app.cli.invocation import client_options, current
from app.cli.output import emit_json, say
from app.cli.parameters import JOB_ID


@click.command()
@click.argument("job_id", type=JOB_ID)
@click.option("--reason", help="Recorded in the history of the job.")
@client_options
def cancel_command(job_id: str, reason: str | None) -> None:
    """Cancel a job: at once when it waits, by asking its runner when it runs."""
    client = client_from_settings()
    job = client.post(f"{API}/jobs/{job_id}/cancel", {"reason": reason} if reason else {}).body
    if job["status"] == "cancelled":
        say(("✓ ", "green"), "cancelled")
    else:
        say(("✓ ", "green"), "its runner is asked to stop it; ", ("next: ", "bold"),
            f"ops job watch {job_id}")  # fmt: skip
    if current().as_json:
        emit_json(job)
