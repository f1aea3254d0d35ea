"""The control plane's SQLAlchemy engine."""

from __future__ import annotations

import select
from typing import Any

from sqlalchemy import Engine, NullPool, QueuePool, create_engine, event, exc

from app.db.connection import connect_arguments
from app.db.lenient_json import lenient_json


def make_engine(
    database_url: str, *, pool_size: int, prepare: bool, timeout_seconds: float
) -> Engine:
    """Return an engine on psycopg 3; with `pool_size` 0 it opens a connection for each use.

    No pool on a serverless platform: a frozen instance would sit on its connections.
    """
    arguments = connect_arguments(
        prepare=prepare, timeout_seconds=timeout_seconds, application_name="ops-control-plane"
    )
    options: dict[str, Any] = {"poolclass": NullPool}
    if pool_size:
        options = {
            "poolclass": QueuePool,
            "pool_size": pool_size,
            "max_overflow": 0,
            "pool_timeout": timeout_seconds,
        }
    engine = create_engine(
        database_url,
        connect_args=arguments,
        use_native_hstore=False,
        json_deserializer=lenient_json,
        **options,
    )
    if pool_size:
        event.listen(engine, "checkout", _refuse_a_closed_connection)
    return engine


def _refuse_a_closed_connection(dbapi_connection: Any, record: Any, proxy: Any) -> None:
    """Let the pool replace a connection that the server closed, without a statement.

    An idle connection has nothing to read; one that has, has been closed or told so.
    """
    poll = select.poll()
    poll.register(dbapi_connection.pgconn.socket, select.POLLIN | select.POLLHUP)
    if poll.poll(0):
        raise exc.DisconnectionError("the server closed this connection")
