"""Makes the JSON of a job from its record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.jobs import Job
from app.jobs.job import JOB_COLUMNS
from app.web.answers import JobAnswer, JobLinks
from app.web.errors import Problem
from app.web.headers import CANONICAL

_FIELDS = tuple(name for name in JOB_COLUMNS if name in JobAnswer.model_fields)
_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


def read_job_id(text: str) -> UUID:
    """Return the id in a path; a malformed one is as unknown as any other. Raises Problem.

    UUID itself also takes braces, underscores and digits of other scripts.
    """
    if not _ID.fullmatch(text):
        raise Problem("job_not_found")
    return UUID(text)


def job_url(job_id: UUID) -> str:
    return f"{CANONICAL}jobs/{job_id}"


def job_fields(job: Job) -> Mapping[str, Any]:
    """Return the fields of a JobAnswer, for it or for an answer that says more."""
    url = job_url(job.id)
    return {
        **{name: getattr(job, name) for name in _FIELDS},
        "links": JobLinks(
            self=url, **{name: f"{url}/{name}" for name in ("events", "cancel", "retry", "replay")}
        ),
    }


def job_answer(job: Job) -> JobAnswer:
    return JobAnswer.model_validate(job_fields(job))
