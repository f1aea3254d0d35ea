"""Enqueue inside the caller's own transaction: from Python on any connection, and from SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy
from psycopg.rows import dict_row
from sqlalchemy.orm import Session

from app import jobs
from tests.factories import TYPE, kinds

Conn = psycopg.Connection[Any]
Open = Callable[[sqlalchemy.Engine], Any]


class Regretted(Exception):
    """What the caller's transaction ends with when it does not commit."""


@contextmanager
def session(engine: sqlalchemy.Engine) -> Iterator[Session]:
    with Session(engine) as opened, opened.begin():
        yield opened


@contextmanager
def connection_of(engine: sqlalchemy.Engine) -> Iterator[sqlalchemy.Connection]:
    with engine.begin() as opened:
        yield opened


@contextmanager
def driver_connection_of(engine: sqlalchemy.Engine) -> Iterator[Conn]:
    url = engine.url.render_as_string(hide_password=False)
    with psycopg.connect(url.replace("+psycopg", "")) as opened:
        yield opened


any_connection = pytest.mark.parametrize(
    "transaction",
    [session, connection_of, driver_connection_of],
    ids=lambda opened: opened.__name__,
)


def write(conn: Any, note: str) -> None:
    """Write a row of the caller's own, as each kind of connection does it."""
    statement = f"insert into ops_queues (name) values ('{note}')"
    conn.execute(statement if isinstance(conn, psycopg.Connection) else sqlalchemy.text(statement))


def count(connection: Conn, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


# Python


@any_connection
def test_the_job_is_there_when_the_caller_commits(
    engine: sqlalchemy.Engine, connection: Conn, transaction: Open
) -> None:
    with transaction(engine) as conn:
        write(conn, "paid")
        job = jobs.enqueue(conn, TYPE, {"order": 7}, actor="shop", queue="mail", tags=["a"])
        assert count(connection, "ops_jobs") == 0
    found = jobs.get_job(connection, job.id)
    assert (found.payload, found.queue, found.tags) == ({"order": 7}, "mail", ["a"])
    (event,) = jobs.list_events(connection, job.id)
    assert (event.kind, event.actor) == ("queued", "shop")
    assert count(connection, "ops_queues") == 1


@any_connection
def test_the_job_is_not_there_when_the_caller_does_not_commit(
    engine: sqlalchemy.Engine, connection: Conn, transaction: Open
) -> None:
    with suppress(Regretted), transaction(engine) as conn:
        write(conn, "paid")
        jobs.enqueue(conn, TYPE, {})
        jobs.enqueue_many(conn, [jobs.NewJob(job_type=TYPE)] * 3)
        raise Regretted
    for table in ("ops_jobs", "ops_job_events", "ops_queues"):
        assert count(connection, table) == 0


@any_connection
def test_the_callers_session_is_usable_after_a_duplicate(
    engine: sqlalchemy.Engine, connection: Conn, transaction: Open
) -> None:
    first = jobs.enqueue(connection, TYPE, {}, dedupe_key="daily")
    with transaction(engine) as conn:
        again = jobs.enqueue(conn, TYPE, {}, dedupe_key="daily")
        write(conn, "paid")
    assert (again.id, again.is_new) == (first.id, False)
    assert count(connection, "ops_queues") == 1


def test_many_jobs_go_through_a_connection_whose_rows_are_dictionaries(connection: Conn) -> None:
    later = jobs.NewJob(job_type=TYPE, delay_seconds=60, tags=["a", 'b"c'])
    connection.row_factory = dict_row
    ids = jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE), later])
    first, second = [jobs.get_job(connection, job_id) for job_id in ids]
    assert (first.tags, second.tags) == ([], ["a", 'b"c'])
    assert first.available_at == first.created_at
    assert second.available_at - first.available_at == timedelta(seconds=60)


# SQL


def enqueue_by_sql(conn: Conn, arguments: str) -> UUID:
    row = conn.execute(f"select ops_enqueue({arguments})".encode()).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


def test_sql_enqueues_with_the_defaults_of_the_api(connection: Conn) -> None:
    by_sql = jobs.get_job(connection, enqueue_by_sql(connection, f"'{TYPE}'"))
    by_python = jobs.enqueue(connection, TYPE, {})
    own = {"id", "seq", "created_at", "available_at", "updated_at"}
    for name in set(jobs.Job.__slots__) - own:
        assert getattr(by_sql, name) == getattr(by_python, name), name
    assert kinds(connection, by_sql.id) == ["queued"]
    (event,) = jobs.list_events(connection, by_sql.id)
    assert (event.actor, event.attempt) == (f"user:{connection.info.user}", 0)


def test_sql_takes_every_field_by_name(connection: Conn) -> None:
    job_id = enqueue_by_sql(
        connection,
        "'send_receipt', '{\"order\": 7}', queue => 'mail', priority => 1, delay_seconds => 90.5,"
        " max_attempts => 7, timeout_seconds => 60, dedupe_key => 'order-7',"
        " concurrency_key => 'ada', tags => '{a,b}', requested_by => 'the shop'",
    )
    job = jobs.get_job(connection, job_id)
    assert (job.job_type, job.payload, job.queue, job.priority) == (
        "send_receipt", {"order": 7}, "mail", 1,
    )  # fmt: skip
    assert job.available_at - job.created_at == timedelta(seconds=90.5)
    assert (job.max_attempts, job.timeout_seconds, job.dedupe_key) == (7, 60, "order-7")
    assert (job.concurrency_key, job.tags, job.requested_by) == ("ada", ["a", "b"], "the shop")


def test_sql_answers_the_active_job_of_a_dedupe_key(connection: Conn) -> None:
    first, again = (enqueue_by_sql(connection, f"'{TYPE}', dedupe_key => 'k'") for _ in range(2))
    assert first == again
    jobs.cancel(connection, first, actor="test")
    assert enqueue_by_sql(connection, f"'{TYPE}', dedupe_key => 'k'") != first


@pytest.mark.parametrize(
    "arguments",
    ["'os.system'", "null", "'a', '[]'", "'a', '1'", "'a', queue => 'A'", "'a', priority => 10",
     "'a', max_attempts => 0", "'a', timeout_seconds => 0", "'a', available_at => 'infinity'"],
)  # fmt: skip
def test_sql_refuses_what_the_api_refuses(connection: Conn, arguments: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError):
        enqueue_by_sql(connection, arguments)
    assert count(connection, "ops_jobs") == 0


def test_a_trigger_enqueues_in_the_transaction_that_fired_it(
    connection: Conn, database_url: str
) -> None:
    connection.execute(
        """
        create table orders (id integer primary key, customer text);
        create function order_paid() returns trigger language plpgsql as $$
        begin
          perform ops_enqueue('send_receipt', jsonb_build_object('order', new.id),
                              concurrency_key => new.customer);
          return new;
        end
        $$;
        create trigger paid after insert on orders for each row execute function order_paid()
        """
    )
    try:
        with psycopg.connect(database_url) as shop:
            shop.execute("insert into orders values (1, 'ada'), (2, null)")
            shop.rollback()
            shop.execute("insert into orders values (3, 'ada'), (4, null)")
        found = jobs.list_jobs(connection).jobs
        assert sorted(job.payload["order"] for job in found) == [3, 4]
        assert {job.concurrency_key for job in found} == {"ada", ""}
    finally:
        connection.execute("drop table orders; drop function order_paid")


def test_sql_finds_its_tables_whatever_the_search_path(connection: Conn) -> None:
    connection.execute("set search_path = ''")
    row = connection.execute("select public.ops_enqueue('a')").fetchone()
    connection.execute("reset search_path")
    assert row is not None
    assert jobs.get_job(connection, row[0]).job_type == "a"
