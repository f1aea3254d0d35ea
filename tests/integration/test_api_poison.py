"""Rows that no request could have made: the API shows the others, and never breaks its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.control_plane import JOBS, body, serving

POISON = {
    "a number beyond double": '{"x": 1e5000}',
    "five thousand levels": '{"x":' * 5000 + "1" + "}" * 5000,
    "a number of 5000 digits": '{"x": ' + "9" * 5000 + "}",
}


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


@pytest.mark.parametrize("payload", POISON.values(), ids=POISON)
def test_a_poisoned_row_does_not_hide_the_others(
    client: FlaskClient, connection: psycopg.Connection, payload: str
) -> None:
    good = body(client.post(JOBS, json={"job_type": "test_job"}))["id"]
    row = connection.execute(
        "insert into ops_jobs (job_type, payload) values ('test_job', %s::jsonb)"
        " returning id::text",
        [payload],
    ).fetchone()
    assert row is not None
    for path in (JOBS, f"{JOBS}/{row[0]}", f"{JOBS}/{row[0]}/events"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        json.loads(answer.text, parse_constant=pytest.fail)
    assert body(client.get(f"{JOBS}/{row[0]}"))["payload"] == {"undecodable": True}
    assert good in client.get(JOBS).text


def test_a_poisoned_job_can_be_cancelled(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    row = connection.execute(
        "insert into ops_jobs (job_type, payload) values ('test_job', '{\"x\": 1e5000}')"
        " returning id::text"
    ).fetchone()
    assert row is not None
    assert client.post(f"{JOBS}/{row[0]}/cancel").status_code == 200


def test_a_result_of_the_depth_that_handlers_may_return_is_shown(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    deep = '{"x":' * 64 + "1" + "}" * 64
    created = body(client.post(JOBS, json={"job_type": "test_job"}))
    connection.execute("update ops_jobs set result = %s::jsonb", [deep])
    assert body(client.get(created["links"]["self"]))["result"] == json.loads(deep)
