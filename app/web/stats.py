"""Figures of the jobs that ended, brought up to date by whoever asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response

from app.jobs import read_stats, stats_counted_at, update_stats
from app.jobs.stats import Step
from app.web.answers import Answer, Time
from app.web.errors import FieldError, Problem
from app.web.inputs import StatsQuery
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.respond import json_response

blueprint = Blueprint("stats", __name__)

_COUNTED_MOST = 5_000
_STEPS: dict[Step, timedelta] = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_LONGEST: dict[Step, timedelta] = {"minute": timedelta(days=1), "hour": timedelta(days=7)}


class FiguresAnswer(Answer):
    """What ended in the step that begins at `at`; seconds are summed over the `runs`.

    A run is one that a handler ended, well or badly: its last attempt took so long, and had waited
    so long once it was due.
    """

    at: Time
    job_type: str
    succeeded: int
    failed: int
    cancelled: int
    runs: int
    run_seconds: float
    wait_seconds: float


class StatsAnswer(Answer):
    """Figures of all that ended before `as_of`; `is_behind` says that there is more to count."""

    as_of: Time | None
    is_behind: bool
    since: Time
    until: Time
    step: Step
    data: list[FiguresAnswer]


@blueprint.get("/stats")
@operation(
    tag="Stats",
    summary="Read the figures",
    query=StatsQuery,
    replies={200: Reply(description="By step and job type, oldest first.", model=StatsAnswer)},
    problems=("database_unavailable", "schema_not_current"),
)
def index(query: StatsQuery) -> Response:
    """How many jobs ended and how, how long they ran and waited. A step without any is left out."""
    until = query.until or datetime.now(UTC)
    since = query.since or until - 60 * _STEPS[query.step]
    if until - since > _LONGEST[query.step]:
        error = FieldError(
            "too_long", "The span is longer than the step allows.", parameter="since"
        )
        raise Problem("invalid_query", errors=[error])
    plane = current_plane()
    with plane.transaction() as conn:  # its own: the count needs to begin with one
        is_behind = update_stats(conn, limit=_COUNTED_MOST)
    with plane.transaction() as conn:
        as_of = stats_counted_at(conn)
        found = read_stats(conn, since=since, until=until, step=query.step, job_type=query.job_type)
    return json_response(
        StatsAnswer(
            as_of=as_of,
            is_behind=is_behind,
            since=since,
            until=until,
            step=query.step,
            data=[FiguresAnswer.model_validate(each) for each in found],
        )
    )
