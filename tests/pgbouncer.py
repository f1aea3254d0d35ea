"""A real PgBouncer in transaction mode, two connections for each database: a strict pooler.

Debian's 1.18 follows no prepared statement, so whatever works behind it works behind the others.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from app.cli import bound_child
from app.cli.ports import free_ports
from app.cli.postgres_account import choose_seat
from app.cli.postgres_programs import Programs
from scripts.programs import find_pgbouncer, libraries_of
from tests.waiting import wait_until

POOL_SIZE = 2
_CONFIGURATION = """\
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
admin_users = {user}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
query_wait_timeout = 30
"""
_ports: set[int] = set()


def is_pooled(database_url: str) -> bool:
    """Say whether an address leads to a PgBouncer of this process."""
    return make_url(database_url).port in _ports


def note_way(port: int, database_url: str) -> None:
    """Note that `port` of this machine leads to where `database_url` does."""
    if is_pooled(database_url):
        _ports.add(port)


def connect(database_url: str, **options: Any) -> psycopg.Connection[Any]:
    """Connect as a client that knows whether there is a pooler on the way."""
    threshold = None if is_pooled(database_url) else 5
    return psycopg.connect(database_url, prepare_threshold=threshold, **options)


def assert_nothing_is_left_in_the_pool(pooled_url: str) -> None:
    """Look at each connection of the pool, all held at once: nobody changed a session."""
    with contextlib.ExitStack() as held:
        seen = set()
        for _ in range(POOL_SIZE):
            conn = held.enter_context(connect(pooled_url))
            row = conn.execute(
                "select pg_backend_pid(), (select count(*) from pg_prepared_statements),"
                " current_setting('statement_timeout'), current_setting('plan_cache_mode'),"
                " (select count(*) from pg_locks"
                "   where locktype = 'advisory' and pid = pg_backend_pid()),"
                " (select count(*) from pg_listening_channels())"
            ).fetchone()
            assert row is not None
            seen.add(row[0])
            assert row[1:] == (0, "0", "auto", 0, 0), row
        assert len(seen) == POOL_SIZE


class PgBouncer:
    """A pooler before one server; `url` is the server's address through it."""

    def __init__(self, server_url: str, folder: Path) -> None:
        self._server = make_url(server_url)
        self._folder = folder
        (self._port,) = free_ports(1)
        self._url = self._server.set(port=self._port)
        self._process: subprocess.Popen[bytes] | None = None
        self._configure()

    @property
    def url(self) -> str:
        return self._url.render_as_string(hide_password=False)

    def start(self) -> None:
        """Start it under an account that it accepts (it refuses root); it ends with us."""
        program = find_pgbouncer()
        seat = choose_seat(self._folder, Programs(program.parent, major=0))
        seat.own(self._folder)
        command = seat.command(program.name, str(self._folder / "pgbouncer.ini"))
        bound = [sys.executable, "-I", "-S", bound_child.__file__, str(os.getpid())]
        with open(self._folder / "pgbouncer.log", "ab") as log:
            self._process = subprocess.Popen(
                [*bound, *command], env={"LD_LIBRARY_PATH": libraries_of(program)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        _ports.add(self._port)
        wait_until(self._accepts, message="PgBouncer accepts")

    def stop(self) -> None:
        """Stop it at once, whatever its clients do."""
        _ports.discard(self._port)
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def ask(self, command: str) -> list[tuple[Any, ...]]:
        """Send a command to its own console, and return the rows of the answer."""
        console = self._url.set(database="pgbouncer").render_as_string(hide_password=False)
        with psycopg.connect(console, autocommit=True) as conn:
            cursor = psycopg.ClientCursor(conn).execute(command.encode())
            return cursor.fetchall() if cursor.description else []

    def _configure(self) -> None:
        users = self._folder / "users.txt"
        users.write_text(f'"{self._server.username}" "{self._server.password}"\n')
        (self._folder / "pgbouncer.ini").write_text(
            _CONFIGURATION.format(
                host=self._server.host, port=self._server.port or 5432,
                user=self._server.username, users=users,
                listen_port=self._port, pool_size=POOL_SIZE,
            )
        )  # fmt: skip

    def _accepts(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "pgbouncer.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)):
            return True
        return False
