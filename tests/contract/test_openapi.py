"""The OpenAPI document is valid, complete, and true of what is answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from app.jobs.job import JOB_COLUMNS
from app.web.answers import JobAnswer
from app.web.errors import KINDS
from app.web.headers import ALIAS, CANONICAL
from app.web.openapi import build_document
from tests.control_plane import HEADERS, JOBS, TRIGGER, body, make_app, serving
from tests.factories import TYPE, a_claim
from tests.listeners import answer, listening

SCHEDULES = f"{CANONICAL}schedules"
CRON = f"{CANONICAL}cron/wake"
CRON_SECRET = "a-cron-secret"


@pytest.fixture(scope="module")
def app() -> Flask:
    return make_app("postgresql://nowhere/nothing")


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return build_document(app)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["openapi"] == "3.1.0"


def test_every_route_is_documented_and_every_documented_route_exists(
    app: Flask, document: dict[str, Any]
) -> None:
    rules = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace(ALIAS, CANONICAL))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert rules == {(method, path) for method, path, _ in operations(document)}


def test_every_ops_route_is_answered_under_both_addresses(app: Flask) -> None:
    def below(prefix: str) -> set[str]:
        rules = [rule.rule for rule in app.url_map.iter_rules()]
        return {rule.removeprefix(prefix) for rule in rules if rule.startswith(prefix)}

    assert below(CANONICAL) == below(ALIAS) != set()


def test_every_operation_has_its_own_id_a_summary_and_a_description(
    document: dict[str, Any],
) -> None:
    found = list(operations(document))
    assert len({operation["operationId"] for _, _, operation in found}) == len(found)
    for method, path, operation in found:
        assert operation["summary"], (method, path)
        assert operation["description"].endswith("."), (method, path)


def test_every_operation_documents_its_errors(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        statuses = set(operation["responses"])
        assert {"400", "500"} <= statuses, (method, path)
        assert ("401" in statuses) is path.startswith("/api/"), (method, path)
        assert bool(operation["security"]) is path.startswith("/api/"), (method, path)
        if "requestBody" in operation:
            assert {"413", "415"} <= statuses, (method, path)
        if "{" in path:
            assert "404" in statuses, (method, path)


def test_every_error_code_is_listed_on_the_docs_page(app: Flask) -> None:
    page = app.test_client().get("/docs").text
    for code in KINDS:
        assert f'<tr id="{code}">' in page


def test_every_link_of_the_docs_page_leads_somewhere(app: Flask) -> None:
    page = app.test_client().get("/docs").text
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets - set(re.findall(r'id="([^"]+)"', page)) == set()


def test_a_job_is_answered_with_every_column_of_its_record() -> None:
    assert set(JOB_COLUMNS) <= set(JobAnswer.model_fields)


SOMETIMES = {"Idempotent-Replayed", "Preference-Applied"}


def validate(document: dict[str, Any], method: str, path: str, reply: TestResponse) -> None:
    """Check an answer against the schema that the document gives for its status."""
    declared = document["paths"][path][method.lower()]["responses"][str(reply.status_code)]
    for name in declared["headers"]:
        assert name in reply.headers or name in SOMETIMES, name
    if "content" not in declared:
        assert reply.data == b""
        return
    schema = declared["content"][reply.mimetype]["schema"]
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole).validate(reply.json)


def schedule_exchanges(client: FlaskClient) -> Iterator[tuple[str, str, TestResponse]]:
    """Yield the same of schedules and of the cron."""
    one = f"{SCHEDULES}/{{name}}"
    new = {"name": "nightly", "cron": "30 2 * * *", "job_type": TYPE}
    for _ in range(2):
        yield "POST", SCHEDULES, client.post(SCHEDULES, json=new)
    yield "POST", SCHEDULES, client.post(SCHEDULES, json={**new, "cron": "0 0 30 2 *"})
    yield "POST", SCHEDULES, client.post(SCHEDULES, json={**new, "job_type": "greet"})
    yield "GET", SCHEDULES, client.get(f"{SCHEDULES}?limit=1")
    yield "GET", SCHEDULES, client.get(f"{SCHEDULES}?cursor=x")
    for name in ("nightly", "nothing"):
        url = f"{SCHEDULES}/{name}"
        yield "PATCH", one, client.patch(url, json={"cron": "* * * * *"})
        for verb in ("pause", "resume", "run"):
            yield "POST", f"{one}/{verb}", client.post(f"{url}/{verb}")
        yield "GET", one, client.get(url)
        yield "DELETE", one, client.delete(url)
    for headers in ({}, {"Authorization": f"Bearer {CRON_SECRET}"}):
        for method in ("GET", "POST"):
            yield method, CRON, client.open(CRON, method=method, headers=headers)


def exchanges(client: FlaskClient, claim_id: str) -> Iterator[tuple[str, str, TestResponse]]:
    """Yield method, documented path and answer of requests that go well and that go wrong."""
    key = {"Idempotency-Key": "k"}
    one = f"{JOBS}/{{job_id}}"
    for _ in range(2):
        yield "POST", JOBS, client.post(JOBS, json={"job_type": TYPE}, headers=key)
    job = body(client.post(JOBS, json={"job_type": TYPE}))
    yield "POST", JOBS, client.post(JOBS, json={"job_type": TYPE, "x": 1})
    yield "POST", JOBS, client.post(JOBS, json={"job_type": "greet"})
    yield "POST", JOBS, client.post(JOBS, data=b"x", content_type="text/plain")
    batch = f"{JOBS}/batch"
    for sent in ([{"job_type": TYPE}], [{"job_type": TYPE, "x": 1}], [{"job_type": "greet"}]):
        yield "POST", batch, client.post(batch, json=sent)
    yield "POST", TRIGGER, client.post(TRIGGER, json={"job_type": TYPE})
    yield "POST", TRIGGER, client.post(TRIGGER)
    yield "GET", JOBS, client.get(JOBS, query_string={"limit": "1"})
    yield "GET", JOBS, client.get(JOBS, query_string={"limit": "0"})
    yield "GET", one, client.get(job["links"]["self"])
    yield "GET", one, client.get(f"{JOBS}/x")
    etag = {"If-None-Match": client.get(JOBS).headers["ETag"]}
    yield "GET", JOBS, client.get(JOBS, headers=etag)
    yield "GET", f"{one}/events", client.get(job["links"]["events"])
    for _ in range(2):
        yield "POST", f"{one}/cancel", client.post(job["links"]["cancel"])
    for _ in range(2):
        yield "POST", f"{one}/retry", client.post(job["links"]["retry"])
    for sent in ({}, {"payload": {"n": 1}}, {"payloads": {}}):
        yield "POST", f"{one}/replay", client.post(job["links"]["replay"], json=sent)
    for verb in ("pause", "resume"):
        path = CANONICAL + "queues/{name}/" + verb
        yield "POST", path, client.post(f"{CANONICAL}queues/mail/{verb}")
        yield "POST", path, client.post(f"{CANONICAL}queues/A/{verb}")
    yield "POST", f"{one}/cancel", client.post(f"{JOBS}/{claim_id}/cancel")
    for path in ("runners", "queues", "stats", "types", "debug/env", "debug/db", "debug/routes"):
        yield "GET", CANONICAL + path, client.get(CANONICAL + path)
        without_key = client.get(CANONICAL + path, headers={"X-Ops-Key": "wrong"})
        yield "GET", CANONICAL + path, without_key
    for path in ("/healthz", "/readyz", "/version", "/openapi.json"):
        yield "GET", path, client.get(path)
        yield "GET", path, client.get(f"{path}?x=1")


def test_answers_are_what_the_document_says(database_url: str, connection: Any) -> None:
    claim = a_claim(connection)
    with listening(answer(202)) as runner:
        options = {"runner_enabled": True, "runner_url": runner.url, "jobs_enabled": True}
        secrets = {"runner_token_outbound": "x", "cron_secret": CRON_SECRET}
        with serving(database_url, **options, **secrets) as client:
            document = body(client.get("/openapi.json"))
            seen = set()
            told = chain(exchanges(client, str(claim.id)), schedule_exchanges(client))
            for method, path, reply in told:
                validate(document, method, path, reply)
                seen.add((method, path))
    documented = {(method, path) for method, path, _ in operations(document)}
    assert documented - seen == {("GET", "/docs")}


def test_the_example_bodies_are_accepted(database_url: str) -> None:
    with serving(database_url, jobs_enabled=True) as client:
        document = body(client.get("/openapi.json"))
        for method, path, operation in operations(document):
            content = operation.get("requestBody", {}).get("content", {})
            example = content.get("application/json", {}).get("example")
            if example is not None and "{" not in path and path != TRIGGER:
                reply = client.open(path, method=method, json=example, headers=HEADERS)
                assert reply.status_code == 201
