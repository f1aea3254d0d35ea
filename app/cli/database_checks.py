"""What `ops doctor` asks the database: the server, the way there, the schema, the runners."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.cli.chosen import load_settings
from app.cli.database import connected, reason_of
from app.cli.exits import CommandError
from app.cli.finding import Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from app.cli.pooling import Pooling
    from config import Settings

_OLDEST_SERVER = 140_000
_SKEW_SECONDS = 2.0
_VIOLATIONS_SHOWN = 20


def check_database() -> Iterator[Finding]:
    """The database answers, is new enough, takes writes, has the schema, and agrees on the time."""
    try:
        settings = load_settings("database")
    except CommandError:
        yield Finding("database", "skipped", "its settings are wrong")
        return
    try:
        with connected(settings) as connection:
            yield from _check_server(connection)
            connection.rollback()  # a pooler of one connection has none for the next question
            yield from _check_way(settings)
            missing = _missing_heads(connection, settings)
            yield _schema_finding(missing)
            if not missing:
                yield from _check_runners_seen(connection, settings)
    except CommandError as error:
        yield Finding("database", "problem", error.message, error.hint)


def check_history() -> Iterator[Finding]:
    """The whole history keeps every invariant."""
    try:
        settings = load_settings("database")
        with connected(settings) as connection:
            if _missing_heads(connection, settings):
                yield Finding("audit", "skipped", "the schema is not current")
            else:
                yield from _audit(connection)
    except CommandError as error:
        yield Finding("audit", "skipped", error.message)


def _check_server(connection: Connection) -> Iterator[Finding]:
    from sqlalchemy import text

    began_at, started = time.time(), time.monotonic()
    row = connection.execute(
        text(
            "select current_setting('server_version') as version,"
            " current_setting('server_version_num')::int as number,"
            " current_setting('transaction_read_only')::bool as is_read_only,"
            " has_schema_privilege(current_schema(), 'create') as may_create,"
            " extract(epoch from clock_timestamp())::float8 as clock"
        )
    ).one()
    took = time.monotonic() - started
    version = f"PostgreSQL {row.version.split()[0]}"
    if row.number < _OLDEST_SERVER:
        yield Finding("database", "problem", f"{version} is too old", "use PostgreSQL 14 or newer")
    elif row.is_read_only:
        yield Finding("database", "problem", f"{version} takes no writes", "connect to the primary")
    else:
        yield Finding("database", "ok", f"{version}, answers in {took * 1000:.0f} ms")
    if not row.may_create:
        yield Finding(
            "database", "warning", "this user may not create tables",
            "grant create on schema public to the user of DATABASE_URL_DIRECT",
        )  # fmt: skip
    yield clock_finding(row.clock - (began_at + took / 2))


def clock_finding(skew_seconds: float) -> Finding:
    """Judge how far the database's clock is ahead of this machine's."""
    if abs(skew_seconds) > _SKEW_SECONDS:
        return Finding(
            "clock", "warning", f"the database's clock is {skew_seconds:+.1f} s from that here",
            "synchronise the clocks (NTP); due times follow the database's",
        )  # fmt: skip
    return Finding("clock", "ok", f"{abs(skew_seconds) * 1000:.0f} ms from the database's")


def _check_way(settings: Settings) -> Iterator[Finding]:
    """Say of each address whether it leads through a pooler that the settings do not fit."""
    import psycopg

    from app.cli.pooling import find_pooling

    addresses = {"DATABASE_URL": settings.database_url}
    if settings.database_url_direct != settings.database_url:
        addresses["DATABASE_URL_DIRECT"] = settings.database_url_direct
    for name, url in addresses.items():
        try:
            found = find_pooling(url, timeout_seconds=settings.database_timeout_seconds)
        except psycopg.Error as error:
            detail = f"{name} cannot be used: {reason_of(error, url)}"
            yield Finding("pooler", "problem", detail, f"check {name}")
        else:
            yield pooling_finding(name, found, is_preparing=settings.database_prepare)


def pooling_finding(name: str, found: Pooling, *, is_preparing: bool) -> Finding:
    """Judge an address by what it leads through."""
    if found.kind == "none":
        return Finding("pooler", "ok", f"{name} leads straight to the server")
    way = f"{name} leads through a pooler in {found.kind} mode"
    if found.kind == "session":
        return Finding("pooler", "ok", way)
    if is_preparing and found.follows_prepared is False:
        return Finding(
            "pooler", "problem",
            f"{way}, which loses prepared statements, and DATABASE_PREPARE is on",
            "set DATABASE_PREPARE=false",
        )  # fmt: skip
    if name == "DATABASE_URL_DIRECT":
        return Finding("pooler", "warning", way, "set DATABASE_URL_DIRECT to the unpooled address")
    return Finding("pooler", "ok", way)


def _missing_heads(connection: Connection, settings: Settings) -> frozenset[str]:
    from app.db.schema import expected_heads, found_heads

    return expected_heads(settings.features) - found_heads(connection)


def _schema_finding(missing: frozenset[str]) -> Finding:
    if missing:
        detail = f"the database lacks {', '.join(sorted(missing))}"
        return Finding("migrations", "problem", detail, "ops db upgrade")
    return Finding("migrations", "ok", "the schema is current")


def _check_runners_seen(connection: Connection, settings: Settings) -> Iterator[Finding]:
    from app.cli.times import length
    from app.jobs import runner_state

    state = runner_state(connection, lease_seconds=settings.runner_lease_seconds)
    if state.last_seen_seconds is None:
        yield Finding("runners", "problem", "no runner was ever seen", "ops runner")
        return
    seen = length(state.last_seen_seconds)
    if state.holding_silent:
        yield Finding(
            "runners", "problem", "a runner that holds jobs has fallen silent", "ops runner"
        )
    elif state.runners == 0:
        yield Finding("runners", "problem", f"none runs; the last left {seen} ago", "ops runner")
    else:
        yield Finding("runners", "ok", f"{state.runners} started, last sign of life {seen} ago")
    yield from _check_versions(connection)


def _check_versions(connection: Connection) -> Iterator[Finding]:
    """Every runner is of this version; of each name the newest start counts."""
    from app.cli.output import one_line
    from app.jobs import list_runners
    from app.version import VERSION

    newest = {}
    for runner in sorted(list_runners(connection), key=lambda each: each.started_at):
        newest[runner.name] = runner
    for runner in newest.values():
        if runner.stopped_at is None and runner.version != VERSION:
            name, version = one_line(runner.name, 40), one_line(runner.version, 20)
            yield Finding(
                "runners", "warning", f"runner {name} is version {version}, here is {VERSION}",
                "deploy the same version and restart the runner",
            )  # fmt: skip


def _audit(connection: Connection) -> Iterator[Finding]:
    """Hold the history against the invariants, in one snapshot."""
    from app.jobs.audit import INVARIANTS, audit

    connection.rollback()
    violations = audit(connection.execution_options(isolation_level="REPEATABLE READ"))
    for violation in violations[:_VIOLATIONS_SHOWN]:
        yield Finding(
            "audit", "problem", f"{violation.invariant}: {violation.detail}",
            f"ops job events {violation.job_id}",
        )  # fmt: skip
    if len(violations) > _VIOLATIONS_SHOWN:
        yield Finding("audit", "problem", f"{len(violations)} violations in all")
    if not violations:
        yield Finding("audit", "ok", f"the history keeps all {len(INVARIANTS)} invariants")
