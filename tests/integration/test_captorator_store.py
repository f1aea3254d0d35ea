"""Captions in a real database: one row per job."""

from __future__ import annotations

from uuid import uuid4

import psycopg
from psycopg.rows import dict_row

from app.captorator.composition import compose_caption
from app.captorator.job_type import JOB_TYPE
from app.captorator.request import ComposeCaption
from app.captorator.result import Composed
from app.captorator.store import store
from app.captorator.vocabulary import load_vocabulary


def composed(seed: int) -> Composed:
    request = ComposeCaption.model_validate({**JOB_TYPE.example, "seed": seed})
    return Composed(request=request, result=compose_caption(request, load_vocabulary()))


def test_a_caption_is_kept_with_what_it_was_asked(connection: psycopg.Connection) -> None:
    job_id, output = uuid4(), composed(seed=7)
    assert store(connection, job_id, output) == output.result
    cursor = connection.cursor(row_factory=dict_row)
    (row,) = cursor.execute("select * from captorator_runs").fetchall()
    assert row["job_id"] == job_id
    assert ComposeCaption.model_validate(row["request"]) == output.request
    assert (row["profile"], row["platform"]) == ("city_guide", "instagram")
    assert row["caption"] == output.result.caption
    assert row["hashtags"] == output.result.hashtags
    assert row["checks"] == [check.model_dump() for check in output.result.checks]


def test_a_job_that_runs_again_replaces_its_row(connection: psycopg.Connection) -> None:
    job_id = uuid4()
    store(connection, job_id, composed(seed=1))
    store(connection, job_id, composed(seed=2))
    store(connection, uuid4(), composed(seed=3))
    rows = connection.execute("select (request->>'seed')::int from captorator_runs order by id")
    assert rows.fetchall() == [(2,), (3,)]
