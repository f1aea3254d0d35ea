"""`ops db`: the schema of the database, which Alembic owns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

from app.cli import exits
from app.cli.chosen import load_settings
from app.cli.exits import CommandError
from app.cli.invocation import current, json_option
from app.cli.output import emit_json, emit_table, one_line, say

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config import Settings


@click.group()
def db_group() -> None:
    """Upgrade or inspect the database schema."""


@db_group.command("upgrade")
def upgrade_command() -> None:
    """Bring the core and the enabled features to their newest revision."""
    from app.db.schema import expected_heads, found_heads

    settings = load_settings("database")
    with connected(settings) as connection:
        missing = expected_heads(settings.features) - found_heads(connection)
    if not missing:
        say(("✓ ", "green"), "the schema is current")
        return
    from app.db.migrate import upgrade

    upgrade(settings.database_url_direct, features=settings.features)
    say(("✓ ", "green"), f"upgraded to {', '.join(sorted(missing))}")


@db_group.command("current")
@json_option
def current_command() -> None:
    """Show the revision of each branch, in the database and in the code."""
    from app.db.schema import HEADS, expected_heads, found_heads

    settings = load_settings("database")
    with connected(settings) as connection:
        found = found_heads(connection)
    expected = expected_heads(settings.features)
    rows = []
    for branch, head in HEADS.items():
        there = next((name for name in found if name.rpartition("_")[0] == branch), None)
        state = "off" if head not in expected else "current" if there == head else "behind"
        rows.append((branch, there, head, state))
    if current().as_json:
        names = ("branch", "database", "code", "state")
        emit_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        styles = {"current": "green", "behind": "red", "off": "dim"}
        emit_table(
            ("BRANCH", "DATABASE", "CODE", "STATE"),
            [(b, there or "-", head, (state, styles[state])) for b, there, head, state in rows],
        )
    if any(row[3] == "behind" for row in rows):
        raise CommandError("The database is not at what this code needs.", hint="ops db upgrade")


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """Connect to the database of the settings, by its unpooled address.

    Raises CommandError where it cannot be reached; the message holds no password.
    """
    from sqlalchemy.exc import OperationalError

    from app.db.engine import make_engine

    engine = make_engine(
        settings.database_url_direct,
        pool_size=0,
        prepare=False,
        timeout_seconds=settings.database_timeout_seconds,
    )
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as error:
        raise CommandError(
            f"The database cannot be reached: {reason_of(error, settings.database_url_direct)}",
            exit_code=exits.UNREACHABLE,
            hint="check DATABASE_URL, or let `ops up` start a database of its own",
        ) from None


def reason_of(error: Exception, database_url: str) -> str:
    """Return why a database could not be used, without the password."""
    reason = one_line(getattr(error, "orig", error))
    password = unquote(urlsplit(database_url).password or "")
    return reason.replace(password, "•••") if password else reason
