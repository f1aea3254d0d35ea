"""A database call ends by its deadline, whatever the network does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from app.db.connection import connect
from app.db.deadline import deadline
from app.db.engine import make_engine


@pytest.fixture
def black_hole(database_url: str) -> Iterator[tuple[str, threading.Event]]:
    """Return the address of a proxy, and the event that lets it swallow all further bytes."""
    target = psycopg.conninfo.conninfo_to_dict(database_url)
    swallow, closing = threading.Event(), threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if not swallow.is_set():
                    sink.sendall(data)
        except OSError:
            return

    def serve() -> None:
        client, _ = listener.accept()
        server = socket.create_connection((str(target["host"]), int(str(target["port"]))))
        with client, server:
            threads = [
                threading.Thread(target=pump, args=ends, daemon=True)
                for ends in ((client, server), (server, client))
            ]
            for thread in threads:
                thread.start()
            closing.wait(60)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    through = psycopg.conninfo.make_conninfo(database_url, port=listener.getsockname()[1])
    yield through, swallow
    closing.set()
    thread.join(10)
    listener.close()


def test_a_black_hole_is_left_at_the_deadline(black_hole: tuple[str, threading.Event]) -> None:
    url, swallow = black_hole
    conn = connect(url, timeout_seconds=5)
    assert conn.execute("select 1").fetchone() == (1,)
    swallow.set()
    started = time.monotonic()
    with pytest.raises(psycopg.OperationalError), deadline(conn, 0.3):
        conn.execute("select 1")
    assert time.monotonic() - started < 5
    assert conn.closed
    conn.close()


def test_a_call_within_its_deadline_is_left_alone(database_url: str) -> None:
    with connect(database_url) as conn:
        for _ in range(3):
            with deadline(conn, 30):
                assert conn.execute("select 1").fetchone() == (1,)


@pytest.mark.unpooled("it looks for one client's own connection")
def test_the_pool_replaces_a_connection_that_the_server_closed(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1, prepare=True, timeout_seconds=5)
    with engine.connect() as conn:
        first = conn.scalar(text("select pg_backend_pid()"))
    with psycopg.connect(database_url, autocommit=True) as killer:
        killer.execute("select pg_terminate_backend(%s, 5000)", [first])
    with engine.connect() as conn:
        assert conn.scalar(text("select pg_backend_pid()")) != first
    engine.dispose()


@pytest.mark.unpooled("it looks for one client's own connection")
def test_without_a_pool_no_connection_stays_open(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=0, prepare=False, timeout_seconds=5)
    with engine.connect() as conn:
        pid = conn.scalar(text("select pg_backend_pid()"))
    with psycopg.connect(database_url, autocommit=True) as other:
        query = "select count(*) from pg_stat_activity where pid = %s and state <> 'idle'"
        assert other.execute(query, [pid]).fetchone() == (0,)
