"""Health: is this process alive, may it serve, and which version is it. No key is needed."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response

from app.db.schema import is_current
from app.version import VERSION
from app.web.answers import Answer
from app.web.errors import Problem
from app.web.inputs import Query
from app.web.operation import Reply, operation
from app.web.plane import current_plane
from app.web.respond import json_response

blueprint = Blueprint("health", __name__)


class StatusAnswer(Answer):
    status: Literal["ok", "ready"]


class VersionAnswer(Answer):
    version: str


@blueprint.get("/healthz")
@operation(
    tag="Health",
    summary="Is the process alive",
    replies={200: Reply(description="It is.", model=StatusAnswer)},
)
def healthz(query: Query) -> Response:
    """Touches no database: a database that sleeps stays asleep."""
    return json_response(StatusAnswer(status="ok"))


@blueprint.get("/readyz")
@operation(
    tag="Health",
    summary="May it serve",
    replies={200: Reply(description="It may.", model=StatusAnswer)},
    problems=("database_unavailable", "schema_not_current"),
)
def readyz(query: Query) -> Response:
    """Asks the database whether it is there and has the schema of this version."""
    plane = current_plane()
    with plane.transaction() as conn:
        if not is_current(conn, plane.settings.features):
            raise Problem("schema_not_current")
    return json_response(StatusAnswer(status="ready"))


@blueprint.get("/version")
@operation(
    tag="Health",
    summary="Which version is it",
    replies={200: Reply(description="The version.", model=VersionAnswer)},
)
def version(query: Query) -> Response:
    """The version of the product, as in its changelog."""
    return json_response(VersionAnswer(version=VERSION))
