"""Follows a job to its end: each event as a line with the time since the job was created."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
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


class Follower:
    """Reads one job and its events as they come; `is_done` once all of them were read."""

    def __init__(self, client: Client, job_id: str) -> None:
        self._client = client
        self._seen = 0
        self.job: Job = client.get(f"{API}/jobs/{job_id}").body
        self.is_done = False

    def next_events(self) -> list[Event]:
        """Return the events since the last call, and read the job again where there are any.

        A control plane that goes away for a moment is asked again.
        """
        # The job is read before its events: where it was final, these are all of them.
        self.is_done = self.job["status"] in exits.JOB_OUTCOMES
        fresh = _events_after(self._client, self.job["id"], self._seen)
        if fresh:
            self._seen = fresh[-1]["id"]
            self.job = _get_patiently(self._client, f"{API}/jobs/{self.job['id']}").body
        return fresh


def follow(
    client: Client, job_ids: Sequence[str], *, timeout_seconds: float | None = None
) -> Iterator[tuple[Job, Event | None]]:
    """Yield each new event with its job, oldest first, and each final job with None at its end.

    Raises CommandError when the control plane stays away or the time is over; the jobs go on.
    """
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    followers = [Follower(client, job_id) for job_id in job_ids]
    pause = _SHORTEST_PAUSE
    while followers:
        pause = min(pause * 1.3, _LONGEST_PAUSE)
        found = [(event, f.job) for f in followers for event in f.next_events()]
        for event, job in sorted(found, key=lambda pair: (pair[0]["at"], pair[0]["id"])):
            yield job, event
            pause = _SHORTEST_PAUSE
        yield from ((follower.job, None) for follower in followers if follower.is_done)
        followers = [follower for follower in followers if not follower.is_done]
        if followers and deadline is not None and time.monotonic() >= deadline:
            job = followers[0].job
            raise CommandError(
                f"The job is still {job['status']} after {timeout_seconds:g} s; it goes on.",
                exit_code=exits.UNREACHABLE,
                hint=f"ops job watch {job['id']}",
            )
        if followers:
            time.sleep(pause)


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
    words = _words(event)
    shown = f"{mark} {kind:<16}" if words else f"{mark} {kind}"
    return [f"{since:>8}  ", (shown, STATUS_STYLES.get(kind, "")), words]


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


def progress_words(progress: Mapping[str, Any]) -> str:
    """Return how far a job is: `2/5 message`."""
    words = []
    if isinstance(progress.get("done"), int | float):
        words.append(f"{progress['done']:g}")
    if isinstance(progress.get("total"), int | float):
        words.append(f"/{progress['total']:g}")
    message = progress.get("message")
    return "".join(words) + (f" {message}" if message else "")


def _words(event: Event) -> str:
    """Return what an event says beyond its kind."""
    words = []
    if event["kind"] == "running":
        words.append(f"by {event['actor']}, attempt {event['attempt']}")
    if event["kind"] == "progress":
        words.append(progress_words(event.get("data") or {}))
    if event.get("message"):
        words.append(event["message"])
    return one_line(" ".join(words))
