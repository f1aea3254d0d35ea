"""The databases of a test session: a server, a migrated template, a database for each worker."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

from app.cli.postgres import running

REAPER = Path(__file__).parent / "reaper.py"
LOCK_TIMEOUT = "5s"
OWN_SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "max_connections": "100"}


@dataclass(frozen=True, slots=True)
class Session:
    """What every process of one test session knows: its prefix, and where its server is."""

    prefix: str
    folder: str
    given_url: str
    postgres_bin: str

    @contextlib.contextmanager
    def server(self) -> Iterator[str]:
        """Yield the URL of the server: the one given, else our own, shared by the workers."""
        if self.given_url:
            yield self.given_url
            return
        programs = Path(self.postgres_bin) if self.postgres_bin else None
        with running(
            Path(self.folder), fast_unsafe=True, settings=OWN_SETTINGS, postgres_bin=programs
        ) as server:
            yield server.url

    def drop_databases(self) -> None:
        """Leave a given server as it was found."""
        with psycopg.connect(self.given_url, autocommit=True) as admin:
            names = admin.execute(
                "select datname from pg_database where starts_with(datname, %s)", [self.prefix]
            ).fetchall()
            for (name,) in names:
                admin.execute(SQL("drop database {} with (force)").format(Identifier(name)))


def start_reaper(folder: str) -> Callable[[], None]:
    """Start the process that stops our server and removes its folder when this one is gone.

    It waits for the end of its input, which comes however this process ends, SIGKILL included.
    Returns the function that ends it and waits for it.
    """
    reaper = subprocess.Popen(
        [sys.executable, str(REAPER), folder], stdin=subprocess.PIPE, start_new_session=True
    )

    def finish() -> None:
        reaper.communicate(timeout=60)

    return finish


def url_of(server_url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def make_template(server_url: str, name: str) -> None:
    """Make the migrated template database, unless another worker did."""
    from app.db.migrate import FEATURES, upgrade  # Alembic: only the first worker pays for it

    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(hashtext(%s))", [name])
        if _exists(admin, name):
            return
        unfinished = f"{name}_new"
        drop_database(server_url, unfinished)
        make_database(server_url, unfinished)
        upgrade(url_of(server_url, unfinished), features=FEATURES)
        admin.execute(
            SQL("alter database {} rename to {}").format(Identifier(unfinished), Identifier(name))
        )


def make_database(server_url: str, name: str, *, template: str = "template0") -> str:
    """Make a database and return its URL."""
    statement = SQL("create database {} template {} strategy file_copy")
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(statement.format(Identifier(name), Identifier(template)))
    return url_of(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))


def empty_tables(conn: psycopg.Connection) -> None:
    """Empty every table but Alembic's own; fail with their queries if others hold a table."""
    tables = conn.execute(
        "select schemaname, tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
        " and tablename <> 'alembic_version'"
    ).fetchall()
    if not tables:
        return
    names = SQL(", ").join(Identifier(*table) for table in tables)
    conn.execute(SQL("set lock_timeout = {}").format(LOCK_TIMEOUT))
    truncate = SQL("truncate {} restart identity cascade").format(names)
    try:
        try:
            conn.execute(truncate)
        except psycopg.errors.DeadlockDetected:
            # A runner that the tests of a module share was at a look, whose locks come in another
            # order; it is done by now.
            conn.execute(truncate)
    except psycopg.errors.LockNotAvailable as error:
        raise AssertionError(f"an earlier test left work behind: {_others(conn)}") from error


def _others(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "select pid, application_name, state, query from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    ).fetchall()


def _exists(conn: psycopg.Connection, name: str) -> bool:
    found = conn.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
    return found is not None
