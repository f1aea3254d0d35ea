"""`ops job list`, `show`, `events` and `why`: what is known of jobs."""

from __future__ import annotations

from typing import Any

import click

from app.cli.client import API, client_from_settings
from app.cli.invocation import client_options, current
from app.cli.output import Part, emit, emit_json, emit_table, json_text, one_line, say, status
from app.cli.parameters import AGO, JOB_ID
from app.cli.results import emit_result
from app.cli.times import ago, length, seconds_between
from app.cli.watching import event_line, events_of, progress_words

_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
_SHOWN = (
    "queue", "priority", "requested_by", "concurrency_key", "dedupe_key", "request_id", "replay_of",
    "schedule_id",
)  # fmt: skip


@click.command()
@click.option("--status", "state", type=click.Choice(_STATES), help="Only jobs in this state.")
@click.option("--type", "job_type", metavar="TYPE", help="Only jobs of this type.")
@click.option("--queue", help="Only jobs of this queue.")
@click.option("--tag", help="Only jobs with this tag.")
@click.option("--since", type=AGO, metavar="MOMENT", help="Only jobs created since: 2h, 3d, ISO.")
@click.option("--until", type=AGO, metavar="MOMENT", help="Only jobs created until then.")
@click.option("--limit", type=click.IntRange(1, 200), help="How many [50].")
@click.option("--cursor", help="Where the page before ended.")
@client_options
def list_command(state: str | None, **filters: Any) -> None:
    """List jobs, newest first."""
    page = client_from_settings().get(f"{API}/jobs", {"status": state, **filters}).body
    if current().as_json:
        emit_json(page)
        return
    if not page["data"] and not page["has_more"]:
        say("No jobs. ", ("next: ", "bold"), "ops job create TYPE, or ops types")
        return
    rows = [
        (job["id"], job["job_type"], status(job["status"]), _attempts(job), ago(job["created_at"]),
         _took(job), _note(job))
        for job in page["data"]
    ]  # fmt: skip
    if rows:
        emit_table(("ID", "TYPE", "STATUS", "ATTEMPT", "CREATED", "TOOK", "NOTE"), rows)
    else:
        say("None among those that were looked through; there are older ones.")
    if page["has_more"]:
        say(("more: ", "bold"), f"--cursor {page['next_cursor']}")


@click.command()
@click.argument("job_id", type=JOB_ID)
@client_options
def show_command(job_id: str) -> None:
    """Show all that is known of a job."""
    job = client_from_settings().get(f"{API}/jobs/{job_id}").body
    if current().as_json:
        emit_json(job)
        return
    emit((job["job_type"], "bold"), f"  {job['id']}  ", status(job["status"]))
    emit(f"  attempt       {_attempts(job)}")
    for name in _SHOWN:
        if job.get(name) not in (None, "", []):
            emit(f"  {name:<13} {one_line(job[name])}")
    if job.get("tags"):
        emit(f"  {'tags':<13} {', '.join(job['tags'])}")
    for name in ("created_at", "available_at", "started_at", "finished_at", "cancel_requested_at"):
        if job.get(name):
            emit(f"  {name:<13} {job[name]}  ({ago(job[name])})")
    if job.get("waiting_reason"):
        emit("  waits because ", (job["waiting_reason"]["detail"], "yellow"))
    if job.get("error"):
        emit("  error         ", (job["error"], "red"))
    for name in ("progress", "payload"):
        if job.get(name) is not None:
            emit((name, "bold"))
            emit(json_text(job[name], indent=2))
    if job.get("result") is not None:
        emit(("result", "bold"))
        emit_result(job["job_type"], job["result"])


@click.command()
@click.argument("job_id", type=JOB_ID)
@client_options
def events_command(job_id: str) -> None:
    """Print the history of a job."""
    client = client_from_settings()
    job = client.get(f"{API}/jobs/{job_id}").body
    events = events_of(client, job_id)
    if current().as_json:
        emit_json(events)
        return
    for event in events:
        emit(*event_line(job, event))


@click.command()
@click.argument("job_id", type=JOB_ID)
@client_options
def why_command(job_id: str) -> None:
    """Say why a job is still waiting."""
    job = client_from_settings().get(f"{API}/jobs/{job_id}").body
    reason = job.get("waiting_reason")
    if current().as_json:
        emit_json({"status": job["status"], "waiting_reason": reason})
    elif reason:
        emit((reason["detail"], "yellow"), f"  ({reason['code']}{_lasting(reason)})")
    else:
        emit("It does not wait: it is ", status(job["status"]), ".")


def _lasting(reason: dict[str, Any]) -> str:
    """Return how long a job still waits, where that is reckoned and not in the sentence."""
    if not reason["is_estimate"] or reason["seconds"] is None:
        return ""
    return f", about {length(reason['seconds'])}"


def _attempts(job: dict[str, Any]) -> str:
    most = job.get("max_attempts")
    return f"{job['attempt']}/{most}" if most else str(job["attempt"])


def _took(job: dict[str, Any]) -> str:
    if not job.get("started_at") or not job.get("finished_at"):
        return ""
    return length(seconds_between(job["started_at"], job["finished_at"]))


def _note(job: dict[str, Any]) -> Part:
    if job.get("error"):
        return (job["error"], "red")
    return progress_words(job.get("progress") or {})
