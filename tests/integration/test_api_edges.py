"""What every request shares: its id, its log line, its headers; and what the debug routes tell."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient

from app.db.schema import HEADS
from app.web import create_app
from app.web.inputs import Query
from app.web.operation import operation
from app.web.routes import documented_routes
from config import load_settings
from tests.control_plane import GREET, JOBS, body, make_app, problem, serving
from tests.factories import a_claim

UNKNOWN = "019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a"
ALWAYS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@pytest.fixture
def client(database_url: str) -> Iterator[FlaskClient]:
    with serving(database_url) as client:
        yield client


def every_request() -> list[tuple[str, str]]:
    routes = documented_routes(make_app("postgresql://nowhere/x"))
    found = [(route.method, route.path.replace("{job_id}", UNKNOWN)) for route in routes]
    return [*found, ("GET", "/nowhere"), ("GET", "/api/nowhere"), ("PUT", JOBS)]


# Headers


@pytest.mark.parametrize(("method", "path"), every_request())
@pytest.mark.parametrize("key", ["right", "none"])
def test_every_answer_has_the_security_headers(
    client: FlaskClient, method: str, path: str, key: str
) -> None:
    if key == "none":
        client.environ_base.clear()
    answer = client.open(path, method=method)
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    may_be_kept = "private, no-cache" if "ETag" in answer.headers else "no-store"
    assert answer.headers["Cache-Control"] == may_be_kept
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert answer.headers["X-Request-Id"]
    assert "Set-Cookie" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers


def test_production_asks_for_tls_from_then_on(database_url: str) -> None:
    with serving(database_url, app_env="production") as client:
        assert client.get("/healthz").headers["Strict-Transport-Security"] == "max-age=31536000"


# Request ids


@pytest.mark.parametrize("given", ["a", "A.b_c-9", "x" * 128])
def test_a_well_formed_request_id_is_kept(client: FlaskClient, given: str) -> None:
    answer = client.get("/nowhere", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == body(answer)["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", "\xe9", "a;b", "<script>", "a,b"])
def test_a_malformed_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/nowhere", environ_overrides={"HTTP_X_REQUEST_ID": given})
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert answer.headers["X-Request-Id"] != client.get("/nowhere").headers["X-Request-Id"]


# The log


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [r.getMessage() for r in caplog.records if r.name == "ops.control_plane"]
    assert all("\n" not in line for line in lines)
    return [json.loads(line) for line in lines]


def test_one_line_is_logged_for_each_request(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        client.get(f"{JOBS}/{UNKNOWN}?pretty=1", headers={"X-Request-Id": "trace-1"})
    (line,) = logged(caplog)
    assert set(line) == {
        "at", "level", "event", "request_id", "method", "route", "status", "duration_ms",
    }  # fmt: skip
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 404)
    assert line["route"] == "/api/v1/ops/jobs/<job_id>"
    assert line["request_id"] == "trace-1"
    assert 0 < line["duration_ms"] < 5000


def test_nothing_that_was_sent_is_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get(f"{JOBS}?tag=canary")
        client.get(f"{JOBS}/canary")
        client.get("/canary", headers={"User-Agent": "canary", "Referer": "canary"})
        client.get(JOBS, headers={"X-Ops-Key": "canary"})
        client.post(JOBS, json={"job_type": "test_job", "payload": {"x": "canary"}})
        client.post(JOBS, data=b"canary", content_type="application/json")
    assert len(logged(caplog)) == 6
    assert "canary" not in caplog.text


# Debug


def test_debug_env_says_what_is_set_and_from_where_but_no_value() -> None:
    canaries = {
        "DATABASE_URL": "postgresql://canaryuser:canarypassword@canaryhost/canarydatabase",
        "SECRET_KEY": "canary-secret-key-of-more-than-32-characters",
        "OPS_API_KEY": "canary-ops-key-of-more-than-32-characters",
        "RUNNER_URL": "https://canaryrunner.example.com",
        "RUNNER_TOKEN_OUTBOUND": "canary-token-of-more-than-32-characters",
        "CRON_SECRET": "canary-cron-secret-of-more-than-32",
    }
    settings = load_settings(
        "control_plane", {"APP_ENV": "prod", "RUNNER_ENABLED": "true", **canaries}
    )
    client = create_app(settings).test_client()
    answer = client.get("/api/v1/ops/debug/env", headers={"X-Ops-Key": canaries["OPS_API_KEY"]})
    told = body(answer)
    assert told["app_env"] == "production"
    assert told["settings"]["CRON_SECRET"] == {"set": True, "source": "environment", "valid": True}
    assert told["settings"]["OPS_API_KEY_PREVIOUS"]["set"] is False
    assert told["settings"]["LOG_LEVEL"]["source"] in ("default", "settings.toml")
    assert told["flags"]["RUNNER_ENABLED"] is True
    assert told["flags"]["NOTION_ENABLED"] is False
    assert "canary" not in answer.text
    for value in canaries.values():
        assert f": {len(value)}" not in answer.text


def test_debug_db_says_how_the_database_is(client: FlaskClient) -> None:
    told = body(client.get("/api/v1/ops/debug/db"))
    assert (told["dialect"], told["driver"], told["reachable"]) == ("postgresql", "psycopg", True)
    assert told["server_version"][0].isdigit()
    assert 0 < told["latency_ms"] < 5000
    assert told["migrations"]["current"] is True
    assert HEADS["core"] in told["migrations"]["found"]


def test_debug_routes_lists_every_route_once(client: FlaskClient) -> None:
    told = body(client.get("/api/v1/ops/debug/routes"))["data"]
    routes = {(route["method"], route["path"]): route["needs_key"] for route in told}
    assert len(routes) == len(told)
    assert routes["POST", JOBS] is True
    assert routes["GET", "/healthz"] is False


# Types, runners, docs


def test_types_have_schemas_an_example_and_a_request_to_copy(client: FlaskClient) -> None:
    types = body(client.get("/api/v1/ops/types"))["data"]
    assert [t["name"] for t in types] == ["greet", "notion_sync"]
    greet, notion = types
    assert (greet["flag"], greet["enabled"]) == (None, True)
    assert (notion["flag"], notion["enabled"]) == ("NOTION_ENABLED", False)
    assert greet["payload_schema"]["required"] == ["name"]
    GREET.payload.model_validate(greet["example"])
    assert '-d \'{"job_type": "greet", "payload": {"name": "Ada"}}\'' in greet["curl"]


def test_a_runner_is_listed_with_what_it_holds(client: FlaskClient, connection: Any) -> None:
    a_claim(connection)
    (runner,) = body(client.get("/api/v1/ops/runners"))["data"]
    assert (runner["name"], runner["held"], runner["slots"]) == ("test", 1, 4)
    assert runner["allowlist"] == ["test_job"]
    assert runner["stopped_at"] is None


def test_the_docs_page_loads_nothing_and_runs_nothing(client: FlaskClient) -> None:
    answer = client.get("/docs")
    assert answer.mimetype == "text/html"
    page = answer.text
    for foreign in ("<script", "src=", "@import", "url(", "http://fonts", "onclick", "style="):
        assert foreign not in page
    assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]


def test_a_disabled_feature_is_a_404_that_names_its_flag(database_url: str) -> None:
    @operation(tag="Notion", summary="Of a feature", replies={}, flag="notion_enabled")
    def view(query: Query) -> Response:
        return Response("on")

    for enabled in (False, True):
        app = make_app(database_url, notion_enabled=enabled)
        app.add_url_rule("/feature", view_func=view)
        answer = app.test_client().get("/feature")
        if enabled:
            assert answer.text == "on"
        else:
            hint = problem(answer, 404, "feature_disabled")["hint"]
            assert hint == "Set NOTION_ENABLED to true."
