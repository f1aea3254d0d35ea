"""Follows a job to its end: each event as a line with the time since the job was created."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from app.cli import exits
from app.cli.client import API, Answer, Client
from app.cli.exits import CommandError
from app.cli.output import STATUS_MARKS, STATUS_STYLES, Part, one_line
from app.cli.times import length, seconds_between

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.15, 2.0
_PATIENCE_SECONDS = 30

Event = dict[str, Any]
Job = dict[str, Any]


def follow(
    client: Client, job_id: str, *, timeout_seconds: float | None = None
) -> Iterator[tuple[Job, list[Event]]]:
    """Yield the job with its new events at each change; the last job yielded is final.

    A control plane that goes away for a moment is asked again. Raises CommandError when it stays
    away or when the time is over; the job itself goes on.
    """
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    job: Job = client.get(f"{API}/jobs/{job_id}").body
    seen = 0
    pause = _SHORTEST_PAUSE
    while True:
        # The job is read before its events: where it is final, these are all of them.
        is_final = job["status"] in exits.JOB_OUTCOMES
        fresh = _events_after(client, job_id, seen)
        if fresh or is_final:
            yield job, fresh
        if is_final:
            return
        if fresh:
            seen = fresh[-1]["id"]
            job = _get_patiently(client, f"{API}/jobs/{job_id}").body
            pause = _SHORTEST_PAUSE
            continue
        if deadline is not None and time.monotonic() >= deadline:
            raise CommandError(
                f"The job is still {job['status']} after {timeout_seconds:g} s; it goes on.",
                exit_code=exits.UNREACHABLE,
                hint=f"ops job watch {job_id}",
            )
        time.sleep(pause)
        pause = min(pause * 1.3, _LONGEST_PAUSE)


def events_of(client: Client, job_id: str) -> list[Event]:
    """Return the whole history of a job."""
    return _events_after(client, job_id, 0)


def _events_after(client: Client, job_id: str, seen: int) -> list[Event]:
    events: list[Event] = []
    while True:
        after = events[-1]["id"] if events else seen
        page = _get_patiently(client, f"{API}/jobs/{job_id}/events", {"after": after}).body
        events += page["data"]
        if not page["has_more"]:
            return events


def _get_patiently(client: Client, path: str, query: dict[str, object] | None = None) -> Answer:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return client.get(path, query)
        except CommandError as error:
            if error.exit_code != exits.UNREACHABLE or time.monotonic() >= deadline:
                raise
            time.sleep(1)


def event_line(job: Job, event: Event) -> list[Part]:
    """Return the line of an event: time since the job's creation, kind, and what it says."""
    kind = event["kind"]
    since = length(seconds_between(job["created_at"], event["at"]))
    mark = STATUS_MARKS.get(kind, "·")
    return [f"{since:>8}  ", (f"{mark} {kind:<16}", STATUS_STYLES.get(kind, "")), _words(event)]


def outcome_line(job: Job) -> list[Part]:
    """Return the last line of a job: how it ended, how long it ran and how long it waited."""
    word = job["status"]
    parts: list[Part] = [(f"{STATUS_MARKS.get(word, '·')} {word}", STATUS_STYLES.get(word, ""))]
    if job.get("started_at") and job.get("finished_at"):
        ran = length(seconds_between(job["started_at"], job["finished_at"]))
        waited = length(seconds_between(job["created_at"], job["started_at"]))
        parts.append(f" in {ran} (waited {waited})")
    if job.get("error"):
        parts.append(f": {one_line(job['error'])}")
    return parts


def _words(event: Event) -> str:
    """Return what an event says beyond its kind."""
    data = event.get("data") or {}
    words = []
    if event["kind"] == "running":
        words.append(f"by {event['actor']}, attempt {event['attempt']}")
    if event["kind"] == "progress" and data.get("n") is not None:
        words.append(f"{data['n']}/{data['total']}" if data.get("total") else str(data["n"]))
    if event.get("message"):
        words.append(event["message"])
    return one_line(" ".join(words))
