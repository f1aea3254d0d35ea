"""Fixtures for all tests: real databases, made once, emptied before each test that asks for one.

    database_url          a migrated database, empty
    direct_url            the same one, never through a pooler
    pooled_url            the same one, always through PgBouncer
    observer              psycopg, autocommit, on the direct address: to look on from beside
    connection            psycopg, autocommit, on that database
    engine                SQLAlchemy, on that database
    empty_database_url    a database without any table, dropped after the test

The suite starts its own PostgreSQL, when the first test asks for it, of another version with
`--postgres-bin`. `--database-url` names another server, whose user may create databases. With
`--pooler` the tests that use a database, and no others, run through a PgBouncer in transaction mode
with two connections; a test that cannot says why: `@pytest.mark.unpooled("the reason")`.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from app.db.engine import make_engine
from scripts.programs import Missing, find_pgbouncer
from tests import witness
from tests.database import (
    Session,
    drop_database,
    empty_tables,
    make_database,
    make_template,
    start_reaper,
    url_of,
)
from tests.pgbouncer import PgBouncer, connect, is_pooled

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
    parser.addoption(
        "--pooler",
        action="store_true",
        help="run the tests that use a database, through PgBouncer in transaction mode",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "shows_secrets(reason): prints a secret on purpose")
    config.addinivalue_line("markers", "unpooled(reason): cannot run behind a transaction pooler")
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[SESSION] = Session(**worker["database_session"])
        return
    given_url = config.getoption("--database-url")
    if config.getoption("--pooler"):
        try:
            find_pgbouncer()
        except Missing as missing:
            raise pytest.UsageError(str(missing)) from None
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Behind a pooler, leave out what uses no database, and skip what cannot run there."""
    if not config.getoption("--pooler"):
        return
    others = [item for item in items if "database_url" not in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
    for item in items:
        if marker := item.get_closest_marker("unpooled"):
            item.add_marker(pytest.mark.skip(reason=f"not behind a pooler: {marker.args[0]}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Show the witness what a test printed and logged."""
    report: Any = yield
    for name, content in report.sections:
        witness.saw(name, content)
    return report


@pytest.fixture(autouse=True)
def _no_secret_comes_out(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test during which any output of the product had a secret in it."""
    yield
    leaks = witness.leaks()
    if request.node.get_closest_marker("shows_secrets") is None:
        assert leaks == []


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


@pytest.fixture(scope="session")
def pooler(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PgBouncer]:
    """Run a PgBouncer of this worker before the server."""
    try:
        find_pgbouncer(may_fetch=False)
    except Missing as missing:
        pytest.skip(str(missing))
    pooler = PgBouncer(server_url, tmp_path_factory.mktemp("pgbouncer"))
    pooler.start()
    yield pooler
    pooler.stop()


@pytest.fixture
def pooled_url(direct_url: str, pooler: PgBouncer) -> str:
    return url_of(pooler.url, make_url(direct_url).database or "")


@pytest.fixture
def direct_url(worker_database: psycopg.Connection, server_url: str) -> Iterator[str]:
    empty_tables(worker_database)
    url = url_of(server_url, worker_database.info.dbname)
    witness.watch(make_url(url).password or "")
    yield url
    for table in ("ops_jobs", "ops_job_events", "ops_runners"):
        query = f"select t::text from {table} t where t::text like '%{witness.CANARY}%'"
        witness.saw_rows(f"table {table}", worker_database.execute(query.encode()).fetchall())


@pytest.fixture
def database_url(request: pytest.FixtureRequest, direct_url: str) -> str:
    if request.config.getoption("--pooler"):
        return str(request.getfixturevalue("pooled_url"))
    return direct_url


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with connect(database_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def observer(direct_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(direct_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def engine(database_url: str) -> Iterator[sqlalchemy.Engine]:
    prepare = not is_pooled(database_url)
    engine = make_engine(database_url, pool_size=5, prepare=prepare, timeout_seconds=8)
    yield engine
    engine.dispose()


@pytest.fixture
def empty_database_url(
    request: pytest.FixtureRequest, server_url: str, worker_id: str
) -> Iterator[str]:
    name = f"{request.config.stash[SESSION].prefix}_{worker_id}_empty"
    yield make_database(server_url, name)
    drop_database(server_url, name)
