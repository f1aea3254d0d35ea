"""The job types this control plane knows: what each takes and gives."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from app.jobs import JobType
from app.web.answers import Answer, Page
from app.web.curl import curl_line
from app.web.headers import CANONICAL
from app.web.inputs import Query
from app.web.operation import Reply, operation
from app.web.plane import ControlPlane, current_plane
from app.web.respond import json_response

blueprint = Blueprint("job_types", __name__)


class JobTypeAnswer(Answer):
    """A job type; `flag` is the setting that switches it on, null where it is always on."""

    name: str
    summary: str
    flag: str | None
    enabled: bool
    payload_schema: dict[str, Any]
    result_schema: dict[str, Any]
    example: dict[str, Any]
    curl: str


class JobTypePage(Page[JobTypeAnswer]):
    """All job types, by name."""


@blueprint.get("/types")
@operation(
    tag="Job types",
    summary="List the job types",
    is_conditional=True,
    replies={200: Reply(description="All of them.", model=JobTypePage)},
)
def index(query: Query) -> Response:
    """Each with the JSON Schema of its payload and its result, and a request to copy.

    A job of a type that is not listed is accepted too: a runner may know it.
    """
    plane = current_plane()
    known = [_describe(plane, job_type) for _, job_type in sorted(plane.job_types.items())]
    return json_response(JobTypePage(data=known, has_more=False, next_cursor=None))


def types_off(plane: ControlPlane) -> frozenset[str]:
    """Return the names of the job types whose flag is off here."""
    return frozenset(t.name for t in plane.job_types.values() if not is_enabled(plane, t))


def is_enabled(plane: ControlPlane, job_type: JobType) -> bool:
    return job_type.flag is None or bool(getattr(plane.settings, job_type.flag))


def _describe(plane: ControlPlane, job_type: JobType) -> JobTypeAnswer:
    example = dict(job_type.example)
    body = {"job_type": job_type.name, "payload": example}
    return JobTypeAnswer(
        name=job_type.name,
        summary=job_type.summary,
        flag=job_type.flag.upper() if job_type.flag else None,
        enabled=is_enabled(plane, job_type),
        payload_schema=job_type.payload.model_json_schema(),
        result_schema=job_type.result.model_json_schema(mode="serialization"),
        example=example,
        curl=curl_line("POST", f"{CANONICAL}jobs", body),
    )
