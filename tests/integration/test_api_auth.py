"""The ops key: what opens the door, and that nothing shows through it when it is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.control_plane import JOBS, KEY, body, problem, serving

OLD_KEY = "the-key-before"


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url, ops_api_key_previous=OLD_KEY) as client:
        client.environ_base.clear()
        yield client


WRONG: dict[str, str] = {
    "empty": "",
    "another": "another-key",
    "its beginning": KEY[:-1],
    "one character more": KEY + "x",
    "its first half": KEY[:7],
    "upper case": KEY.upper(),
    "a space before": f" {KEY}",
    "a tab after": f"{KEY}\t",
    "as a bearer token": f"Bearer {KEY}",
    "in quotes": f'"{KEY}"',
    "twice": f"{KEY},{KEY}",
    "both keys": f"{KEY}, {OLD_KEY}",
    "eight kilobytes": KEY * 550,
    "latin-1": "schl\xfcssel",
    "bytes outside ASCII": "\x80\xff\xfe",
    "UTF-8 look-alike": "а-key-for-tests".encode().decode("latin-1"),
    "percent-encoded": KEY.replace("-", "%2D"),
    "control characters": "a\x01key\x7f",
    "true": "true",
    "a null": "null",
}


@pytest.mark.parametrize("key", WRONG.values(), ids=WRONG)
def test_a_wrong_key_is_refused(client: FlaskClient, key: str) -> None:
    answer = client.get(JOBS, environ_overrides={"HTTP_X_OPS_KEY": key})
    assert problem(answer, 401, "invalid_key")["detail"] == "Invalid or missing X-Ops-Key"
    assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="ops", header="X-Ops-Key"'


@pytest.mark.parametrize("key", [KEY, OLD_KEY], ids=["current", "previous"])
def test_both_keys_open_the_door_while_they_rotate(client: FlaskClient, key: str) -> None:
    assert client.get(JOBS, headers={"X-Ops-Key": key}).status_code == 200


def test_a_key_elsewhere_than_in_its_header_is_no_key(client: FlaskClient) -> None:
    client.set_cookie("X-Ops-Key", KEY)
    for answer in (
        client.get(f"{JOBS}?X-Ops-Key={KEY}"),
        client.get(JOBS, headers={"Authorization": f"Bearer {KEY}"}),
        client.post(JOBS, json={"job_type": "test_job", "X-Ops-Key": KEY}),
    ):
        problem(answer, 401, "invalid_key")


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/ops/",
        "/api/v1/ops/jobs",
        "/api/ops/jobs",
        "/api/v1/ops/jobs/",
        "/api/v1/ops/nothing/here",
        "/api/v2/ops/jobs",
        "/api//v1/ops/jobs",
        "/api/v1/ops/jobs/019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a",
        "/api/v1/ops/%00",
        "/api/%2e%2e/healthz",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_without_a_key_every_address_answers_the_same(
    client: FlaskClient, method: str, path: str
) -> None:
    answer = client.open(path, method=method)
    shown = problem(answer, 401, "invalid_key")
    reference = body(client.get(JOBS))
    assert shown | {"request_id": ""} == reference | {"request_id": ""}
    assert "Allow" not in answer.headers


def test_without_a_key_the_body_is_not_even_read(client: FlaskClient) -> None:
    huge = client.post(JOBS, data=b"x" * 1_000_000, content_type="application/json")
    problem(huge, 401, "invalid_key")


def test_a_server_without_a_key_lets_nobody_in(database_url: str) -> None:
    with serving(database_url, ops_api_key="") as client:
        client.environ_base.clear()
        for key in ("", "x"):
            problem(client.get(JOBS, headers={"X-Ops-Key": key}), 401, "invalid_key")
        problem(client.get(JOBS), 401, "invalid_key")


def test_a_key_outside_ascii_works_as_its_bytes(database_url: str) -> None:
    with serving(database_url, ops_api_key="schlüssel") as client:
        sent = "schlüssel".encode().decode("latin-1")  # as WSGI hands header bytes over
        answer = client.get(JOBS, environ_overrides={"HTTP_X_OPS_KEY": sent})
        assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/openapi.json", "/docs"])
def test_health_and_docs_need_no_key(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200
