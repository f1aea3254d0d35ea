"""What is wrong with this deployment, told without a secret: neither its value nor its length."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy.exc
from flask import Blueprint, Response, current_app
from sqlalchemy import text

from app.db.schema import expected_heads, found_heads
from app.web.answers import Answer, Page
from app.web.inputs import Query
from app.web.operation import Reply, operation, operation_of
from app.web.plane import ControlPlane, current_plane
from app.web.respond import json_response
from app.web.routes import documented_routes

if TYPE_CHECKING:
    from config import Settings

blueprint = Blueprint("debug", __name__)


class SettingAnswer(Answer):
    """`valid` is checked at start for every setting; a process with a wrong one does not run."""

    set: bool
    source: str
    valid: bool


class EnvironmentAnswer(Answer):
    app_env: str
    settings: dict[str, SettingAnswer]
    flags: dict[str, bool]


class MigrationsAnswer(Answer):
    found: list[str]
    expected: list[str]
    current: bool


class DatabaseAnswer(Answer):
    """All but `reachable` and `dialect` is null where the database does not answer."""

    dialect: str
    driver: str
    reachable: bool
    server_version: str | None = None
    latency_ms: float | None = None
    migrations: MigrationsAnswer | None = None


class RouteAnswer(Answer):
    """`needs_key` says that X-Ops-Key opens it; the cron's address has a secret of its own."""

    method: str
    path: str
    summary: str
    needs_key: bool


class RoutePage(Page[RouteAnswer]):
    """All routes."""


@blueprint.get("/debug/env")
@operation(
    tag="Debug",
    summary="Which settings are set",
    replies={200: Reply(description="One entry for each setting.", model=EnvironmentAnswer)},
)
def env(query: Query) -> Response:
    """Says of each setting whether it is set and where from; never a value, but for the flags."""
    settings = current_plane().settings
    declared = [f for f in dataclasses.fields(settings) if "help" in f.metadata]
    flags = [f.name for f in declared if f.metadata.get("flag")]
    return json_response(
        EnvironmentAnswer(
            app_env=settings.app_env,
            settings={f.name.upper(): _describe(settings, f.name) for f in declared},
            flags={name.upper(): getattr(settings, name) for name in flags},
        )
    )


@blueprint.get("/debug/db")
@operation(
    tag="Debug",
    summary="How the database is",
    replies={200: Reply(description="Reachable or not.", model=DatabaseAnswer)},
)
def db(query: Query) -> Response:
    """Asks the database for its version and its schema; it answers 200 where that fails too."""
    plane = current_plane()
    try:
        return json_response(_ask(plane))
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError):
        engine = plane.engine
        return json_response(
            DatabaseAnswer(dialect=engine.dialect.name, driver=engine.driver, reachable=False)
        )


@blueprint.get("/debug/routes")
@operation(
    tag="Debug",
    summary="Which routes there are",
    replies={200: Reply(description="All of them.", model=RoutePage)},
)
def routes(query: Query) -> Response:
    """The canonical routes; each under /api/v1/ops/ is answered under /api/ops/ as well."""
    found = [
        RouteAnswer(
            method=route.method,
            path=route.path,
            summary=operation_of(route.view).summary,
            needs_key=route.credential == "ops_key",
        )
        for route in documented_routes(current_app)
    ]
    return json_response(RoutePage(data=found, has_more=False, next_cursor=None))


def _describe(settings: Settings, name: str) -> SettingAnswer:
    is_set = getattr(settings, name) not in ("", ())
    return SettingAnswer(set=is_set, source=settings.sources.get(name, "default"), valid=True)


def _ask(plane: ControlPlane) -> DatabaseAnswer:
    started = time.perf_counter()
    with plane.transaction() as conn:
        version = conn.scalar(text("select current_setting('server_version')"))
        latency = time.perf_counter() - started
        found = found_heads(conn)
    expected = expected_heads(plane.settings.features)
    return DatabaseAnswer(
        dialect=plane.engine.dialect.name,
        driver=plane.engine.driver,
        reachable=True,
        server_version=version,
        latency_ms=round(latency * 1000, 1),
        migrations=MigrationsAnswer(
            found=sorted(found), expected=sorted(expected), current=expected <= found
        ),
    )
