"""The PostgreSQL server of the bench, durable as in production, and its databases."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy.engine import make_url

from app.cli.postgres import running, stop
from bench.remote import FOLDER

DATA = FOLDER / "postgres"
OBSERVER = "observer"
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "max_connections": "200",
    "jit": "off",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "10000",
    # Kept from run to run, the statements of databases long dropped push out what is counted here.
    "pg_stat_statements.save": "off",
}


@dataclass(frozen=True, slots=True)
class Database:
    """One database: the address its system gets, and the one the bench observes it from."""

    name: str
    url: str = field(repr=False)
    observer_url: str = field(repr=False)


class Server:
    """The running server. What the bench asks it runs under a role of its own, to be told apart."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._password = secrets.token_urlsafe(24)
        self.admin = psycopg.connect(url, autocommit=True)
        self.admin.execute("create extension if not exists pg_stat_statements")
        make = "alter" if self._has_observer() else "create"
        self.admin.execute(
            SQL("{} role {} superuser login password {}").format(
                SQL(make), Identifier(OBSERVER), Literal(self._password)
            )
        )
        self.observer = psycopg.connect(self._as_observer(url), autocommit=True)

    def describe(self) -> dict[str, Any]:
        """Return version and settings, as the server itself states them."""
        names = ["server_version", *SETTINGS]
        found = {name: self._show(name) for name in names}
        return {"version": found.pop("server_version"), "settings": found}

    def make(self, name: str, *, template: str = "template0") -> Database:
        """Make a database anew; a file copy, so that the server is at a checkpoint after it."""
        self.drop(name)
        self.admin.execute(
            SQL("create database {} template {} strategy file_copy").format(
                Identifier(name), Identifier(template)
            )
        )
        url = make_url(self._url).set(database=name).render_as_string(hide_password=False)
        return Database(name, url, self._as_observer(url))

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.admin.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))

    def drop_all(self) -> None:
        """Drop what an earlier, interrupted bench left."""
        rows = self.admin.execute("select datname from pg_database where datname like 'bench%'")
        for (name,) in rows.fetchall():
            self.drop(name)

    def ask(
        self, database: Database, query: LiteralString, parameters: Sequence[Any] = ()
    ) -> tuple[Any, ...]:
        """Return the row of a query that has exactly one, as the observer."""
        with psycopg.connect(database.observer_url, autocommit=True) as inside:
            return one_row(inside, query, parameters)

    def track_planning(self, database: Database) -> None:
        """Have the time that planning takes counted in the sessions to come, too."""
        self.admin.execute(
            SQL("alter database {} set pg_stat_statements.track_planning = on").format(
                Identifier(database.name)
            )
        )

    def settle(self) -> None:
        """Write a checkpoint, so that no measure pays for what happened before it."""
        self.admin.execute("checkpoint")

    def close(self) -> None:
        self.drop_all()
        self.admin.close()
        self.observer.close()

    def _has_observer(self) -> bool:
        query = "select 1 from pg_roles where rolname = %s"
        return self.admin.execute(query, [OBSERVER]).fetchone() is not None

    def _as_observer(self, url: str) -> str:
        parts = make_url(url).set(username=OBSERVER, password=self._password)
        return parts.render_as_string(hide_password=False)

    def _show(self, name: str) -> str:
        return str(one_row(self.admin, "select current_setting(%s)", [name])[0])


def one_row(
    connection: psycopg.Connection[Any],
    query: LiteralString,
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> tuple[Any, ...]:
    """Return the row of a query that has exactly one."""
    (row,) = connection.execute(query, parameters).fetchall()
    return tuple(row)


@contextlib.contextmanager
def serving(postgres_bin: Path | None = None) -> Iterator[Server]:
    """Run the server of the bench with its settings; stop it in the end."""
    stop(DATA)  # one that a killed bench left may have others
    with running(DATA, settings=SETTINGS, postgres_bin=postgres_bin) as started:
        server = Server(started.url)
        try:
            server.drop_all()
            yield server
        finally:
            server.close()
