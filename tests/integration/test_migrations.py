"""The schema goes up and down, on an empty database and on a filled one."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from app import jobs
from app.db import migrate
from app.db.schema import HEADS, found_heads, is_current
from tests.factories import TYPE


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as conn:
        rows = conn.execute("select tablename from pg_tables where schemaname = 'public'")
        return {name for (name,) in rows.fetchall()}


def test_a_disabled_feature_has_no_tables(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url, features=[])
    assert {name.split("_")[0] for name in tables(empty_database_url)} == {"alembic", "ops"}


def test_every_branch_goes_up_down_and_up_again(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url, features=migrate.FEATURES)
    full = tables(empty_database_url)
    for branch in migrate.TABLES_OF:
        migrate.downgrade(empty_database_url, branch=branch)
    assert tables(empty_database_url) == {"alembic_version"}
    migrate.upgrade(empty_database_url, features=migrate.FEATURES)
    assert tables(empty_database_url) == full


def test_an_upgrade_leaves_what_is_there(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url, features=[])
    with psycopg.connect(empty_database_url) as conn:
        job = jobs.enqueue(conn, TYPE, {"n": 1})
    migrate.upgrade(empty_database_url, features=migrate.FEATURES)
    with psycopg.connect(empty_database_url) as conn:
        assert jobs.get_job(conn, job.id).payload == {"n": 1}
    for branch in migrate.TABLES_OF:
        migrate.downgrade(empty_database_url, branch=branch)
    assert tables(empty_database_url) == {"alembic_version"}


def test_tables_in_code_and_database_are_the_same(database_url: str) -> None:
    migrate.check(database_url)


def test_the_heads_in_the_code_are_those_of_the_migrations(engine: Any) -> None:
    with engine.connect() as conn:
        assert found_heads(conn) == frozenset(HEADS.values())
        assert is_current(conn, migrate.FEATURES)


def test_an_empty_database_is_not_current(empty_database_url: str) -> None:
    from app.db.engine import make_engine

    engine = make_engine(empty_database_url, pool_size=0, prepare=False, timeout_seconds=5)
    with engine.connect() as conn:
        assert found_heads(conn) == frozenset()
        assert not is_current(conn, [])


@pytest.mark.parametrize("count", [1, 2000])
def test_ids_are_of_version_7_and_in_order(connection: psycopg.Connection[Any], count: int) -> None:
    made = jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * count)
    assert {job_id.version for job_id in made} == {7}
    assert len(set(made)) == count
    later = jobs.enqueue(connection, TYPE, {})
    assert later.id.int >> 80 >= max(job_id.int for job_id in made) >> 80
