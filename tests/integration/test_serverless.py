"""A serverless instance may be frozen once it has answered: it holds no connection then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask.testing import FlaskClient

from app import jobs
from app.web import create_app
from app.web.plane import EXTENSION
from app.web.routes import documented_routes
from config import load_settings
from tests.control_plane import HEADERS, JOBS, KEY, make_app
from tests.factories import TYPE
from tests.waiting import wait_until
from tests.witness import CANARY

Connection = psycopg.Connection[Any]
pytestmark = pytest.mark.unpooled("it counts the connections of the server")
CREDENTIALS = {**HEADERS, "Authorization": f"Bearer {KEY}"}
BODY = {"job_type": TYPE}
ROUTES = [
    (route.method, route.path) for route in documented_routes(make_app("postgresql://nowhere/none"))
]


@contextmanager
def serving(database_url: str, **variables: str) -> Iterator[FlaskClient]:
    """Yield a client of the control plane as the platform's variables make it."""
    environment = {
        "APP_ENV": "testing",
        "DATABASE_URL": database_url,
        "SECRET_KEY": f"{CANARY}-secret-key",
        "OPS_API_KEY": KEY,
        "CRON_SECRET": KEY,
        **variables,
    }
    app = create_app(load_settings("control_plane", environment))
    try:
        yield app.test_client()
    finally:
        app.extensions[EXTENSION].engine.dispose()


def held(connection: Connection) -> list[str]:
    """Return the last statement of every connection of the control plane."""
    found = connection.execute(
        "select query from pg_stat_activity"
        " where datname = current_database() and application_name = 'ops-control-plane'"
    )
    return [query for (query,) in found]


@pytest.mark.parametrize("is_known", [True, False], ids=["job", "no job"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_answer_leaves_a_connection_open(
    database_url: str, connection: Connection, method: str, path: str, is_known: bool
) -> None:
    name = jobs.enqueue(connection, TYPE, {}).id if is_known else uuid4()
    with serving(database_url, VERCEL="1") as client:
        answer = client.open(
            re.sub(r"{\w+}", str(name), path),
            method=method, headers=CREDENTIALS, json=BODY if method == "POST" else None,
        )  # fmt: skip
        answer.get_data()
        answer.close()
        wait_until(lambda: not held(connection), message=f"nothing is held after {answer.status}")


def test_a_server_of_ones_own_keeps_its_connections(
    database_url: str, connection: Connection
) -> None:
    with serving(database_url) as client:
        assert client.get(JOBS, headers=HEADERS).status_code == 200
        assert len(held(connection)) == 1
