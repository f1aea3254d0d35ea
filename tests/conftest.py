"""Fixtures for all tests: real databases, made once, emptied before each test that asks for one.

    database_url          a migrated database, empty
    connection            psycopg, autocommit, on that database
    engine                SQLAlchemy, on that database
    empty_database_url    a database without any table, dropped after the test

The suite starts its own PostgreSQL, when the first test asks for it, of another version with
`--postgres-bin`. `--database-url` names another server, whose user may create databases.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy

from app.db.engine import make_engine
from tests.database import (
    Session,
    drop_database,
    empty_tables,
    make_database,
    make_template,
    start_reaper,
    url_of,
)

SESSION = pytest.StashKey[Session]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-url",
        default="",
        metavar="URL",
        help="run on this PostgreSQL server instead of starting one",
    )
    parser.addoption(
        "--postgres-bin",
        default="",
        metavar="FOLDER",
        help="start a server from the programs in this folder instead of the locked ones",
    )


def pytest_configure(config: pytest.Config) -> None:
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[SESSION] = Session(**worker["database_session"])
        return
    given_url = config.getoption("--database-url")
    folder = "" if given_url else tempfile.mkdtemp(prefix="ops-test-")
    prefix = f"ops_test_{secrets.token_hex(4)}"
    session = Session(prefix, folder, given_url, config.getoption("--postgres-bin"))
    config.stash[SESSION] = session
    if given_url:
        config.add_cleanup(session.drop_databases)
        return
    Path(folder).chmod(0o711)  # where root has to become `nobody`, that account must get through
    config.add_cleanup(start_reaper(folder))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a new xdist worker what the session is."""
    node.workerinput["database_session"] = asdict(node.config.stash[SESSION])


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of the server itself, to make databases with."""
    with request.config.stash[SESSION].server() as url:
        yield url


@pytest.fixture(scope="session")
def worker_database(
    request: pytest.FixtureRequest, server_url: str, worker_id: str
) -> Iterator[psycopg.Connection]:
    """Make this worker's database from the template; yield the connection that empties it."""
    prefix = request.config.stash[SESSION].prefix
    template = f"{prefix}_template"
    make_template(server_url, template)
    url = make_database(server_url, f"{prefix}_{worker_id}", template=template)
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def database_url(worker_database: psycopg.Connection, server_url: str) -> str:
    empty_tables(worker_database)
    return url_of(server_url, worker_database.info.dbname)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def engine(database_url: str) -> Iterator[sqlalchemy.Engine]:
    engine = make_engine(database_url, pool_size=5, prepare=True, timeout_seconds=8)
    yield engine
    engine.dispose()


@pytest.fixture
def empty_database_url(
    request: pytest.FixtureRequest, server_url: str, worker_id: str
) -> Iterator[str]:
    name = f"{request.config.stash[SESSION].prefix}_{worker_id}_empty"
    yield make_database(server_url, name)
    drop_database(server_url, name)
