"""Plain psycopg connections: the runner's own, and the one inside a SQLAlchemy connection."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    AnyConnection = psycopg.Connection[Any] | Connection | Session


def connect(
    database_url: str,
    *,
    prepare: bool = True,
    timeout_seconds: float = 8.0,
    autocommit: bool = True,
    application_name: str = "ops",
) -> psycopg.Connection[Any]:
    """Open a connection; raises psycopg.OperationalError within `timeout_seconds`.

    `prepare` is off behind a pooler in transaction mode, where a prepared statement may live in
    another backend than the next call.
    """
    return psycopg.connect(
        database_url,
        autocommit=autocommit,
        **connect_arguments(
            prepare=prepare, timeout_seconds=timeout_seconds, application_name=application_name
        ),
    )


def connect_arguments(
    *, prepare: bool, timeout_seconds: float, application_name: str
) -> dict[str, Any]:
    """Return the arguments every connection of the product shares.

    No `options`: poolers refuse start-up parameters.
    """
    return {
        "application_name": application_name,
        "connect_timeout": max(2, int(timeout_seconds)),
        "prepare_threshold": 5 if prepare else None,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }


def transaction(conn: AnyConnection) -> AbstractContextManager[object]:
    """Make what follows one transaction: a new one in autocommit, else the caller's own."""
    driver = driver_connection(conn)
    if driver.autocommit and driver.info.transaction_status == TransactionStatus.IDLE:
        return driver.transaction()
    return nullcontext()


def driver_connection(conn: AnyConnection) -> psycopg.Connection[Any]:
    """Return the psycopg connection of a SQLAlchemy session or connection, or `conn` itself.

    Statements sent through it belong to the transaction that the caller began and will end.
    """
    if isinstance(conn, psycopg.Connection):
        return conn
    if hasattr(conn, "get_bind"):
        conn = cast("Session", conn).connection()
    return cast("psycopg.Connection[Any]", conn.connection.driver_connection)
