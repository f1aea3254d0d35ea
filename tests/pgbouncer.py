"""A real PgBouncer in transaction mode, two connections for each database: a strict pooler.

Debian's 1.18 follows no prepared statement, so whatever works behind it works behind the others.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
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


def connect(database_url: str, **options: Any) -> psycopg.Connection[Any]:
    """Connect as a client that knows whether there is a pooler on the way."""
    threshold = None if is_pooled(database_url) else 5
    return psycopg.connect(database_url, prepare_threshold=threshold, **options)


@contextlib.contextmanager
def pooling(server_url: str, folder: Path) -> Iterator[str]:
    """Run a PgBouncer before the server, with its files in `folder`; yield the pooled address."""
    server = make_url(server_url)
    (port,) = free_ports(1)
    users, configuration = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{server.username}" "{server.password}"\n')
    configuration.write_text(
        _CONFIGURATION.format(
            host=server.host, port=server.port or 5432, user=server.username,
            listen_port=port, users=users, pool_size=POOL_SIZE,
        )
    )  # fmt: skip
    with _process(configuration, folder / "pgbouncer.log") as process:
        wait_until(lambda: _accepts(port, process), message="PgBouncer accepts")
        _ports.add(port)
        try:
            yield server.set(port=port).render_as_string(hide_password=False)
        finally:
            _ports.discard(port)


def ask(pooled_url: str, command: str) -> list[tuple[object, ...]]:
    """Send a command to PgBouncer's own console and return its rows."""
    url = make_url(pooled_url).set(database="pgbouncer").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as conn:
        cursor = psycopg.ClientCursor(conn).execute(command.encode())
        return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def _process(configuration: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run it under an account that it accepts (it refuses root), until the end of this process."""
    program = find_pgbouncer()
    seat = choose_seat(configuration.parent, Programs(program.parent, major=0))
    seat.own(configuration.parent)
    command = seat.command(program.name, str(configuration))
    bound = [sys.executable, "-I", "-S", bound_child.__file__, str(os.getpid())]
    with (
        open(log, "wb") as output,
        subprocess.Popen(
            [*bound, *command], env={"LD_LIBRARY_PATH": libraries_of(program)},
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        ) as process,
    ):  # fmt: skip
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def _accepts(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"PgBouncer ended with {process.returncode}"
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
