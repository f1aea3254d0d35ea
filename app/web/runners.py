"""Runner instances, read only."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from app.jobs import list_runners
from app.web.answers import Answer, Page, Time
from app.web.creation import see_runners
from app.web.inputs import Query
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.respond import json_response

blueprint = Blueprint("runners", __name__)

_SHOWN = 200


class RunnerAnswer(Answer):
    """One start of a runner. `seen_at` moves while it holds jobs; an idle runner writes nothing."""

    id: UUID
    name: str
    host: str
    pid: int
    version: str
    allowlist: list[str]
    slots: int
    held: int
    started_at: Time
    seen_at: Time
    stopped_at: Time | None


class RunnerPage(Page[RunnerAnswer]):
    """Runner instances: those that have not said goodbye first, then the newest."""


@blueprint.get("/runners")
@operation(
    tag="Runner",
    summary="List runners",
    is_conditional=True,
    replies={200: Reply(description="The newest 200.", model=RunnerPage)},
    problems=("database_unavailable", "schema_not_current"),
)
def index(query: Query) -> Response:
    """Which runners there are, what they allow, and how many jobs each holds."""
    plane = current_plane()
    with plane.transaction() as conn:
        see_runners(plane, conn)
        found = list_runners(conn, limit=_SHOWN)
    return json_response(
        RunnerPage(
            data=[RunnerAnswer.model_validate(runner) for runner in found],
            has_more=False,
            next_cursor=None,
        )
    )
