"""A control plane for tests: settings that need no environment, a client that has the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.test import TestResponse

from app.jobs import JobType
from app.web import create_app
from app.web.plane import EXTENSION
from config import Settings
from tests import witness
from tests.pgbouncer import is_pooled
from tests.witness import CANARY

KEY = f"{CANARY}-ops-key"
HEADERS = {"X-Ops-Key": KEY}
JOBS = "/api/v1/ops/jobs"
TRIGGER = "/api/v1/ops/trigger_runner"


class Greeting(BaseModel):
    """A payload with something to get wrong."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=20)
    times: int = Field(1, ge=1)
    labels: dict[str, int] = {}


class Greeted(BaseModel):
    text: str


GREET = JobType(
    name="greet",
    payload=Greeting,
    result=Greeted,
    summary="Greets.",
    example={"name": "Ada"},
)
NOTION = JobType(
    name="notion_sync",
    payload=Greeting,
    result=Greeted,
    summary="Of a feature that is off.",
    flag="notion_enabled",
)


def settings_for(database_url: str, **changes: Any) -> Settings:
    values = {
        "app_env": "testing",
        "database_url": database_url,
        "database_url_direct": database_url,
        "database_prepare": not is_pooled(database_url),
        "secret_key": f"{CANARY}-secret-key",
        "ops_api_key": KEY,
    }
    return Settings(**{**values, **changes})


def make_app(database_url: str, **changes: Any) -> Flask:
    settings = settings_for(database_url, **changes)
    return create_app(settings, job_types={t.name: t for t in (GREET, NOTION)})


class WatchedClient(FlaskClient):
    """A client that shows every answer to the witness."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        content = b"" if answer.is_streamed else answer.data
        witness.saw("an answer of the API", str(answer.headers), content)
        return answer


@contextmanager
def serving(database_url: str, **changes: Any) -> Iterator[FlaskClient]:
    """Yield a client that sends the key; `changes` are settings."""
    app = make_app(database_url, **changes)
    app.test_client_class = WatchedClient
    client = app.test_client()
    client.environ_base["HTTP_X_OPS_KEY"] = KEY
    try:
        yield client
    finally:
        app.extensions[EXTENSION].engine.dispose()


def body(answer: TestResponse) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    assert isinstance(answer.json, dict)
    return answer.json


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return the problem document of an answer, once its shape is checked."""
    assert (answer.status_code, body(answer)["code"]) == (status, code), answer.text
    assert answer.mimetype == "application/problem+json"
    assert body(answer)["status"] == status
    assert body(answer)["request_id"] == answer.headers["X-Request-Id"]
    assert set(body(answer)) >= {"type", "title", "status", "code", "detail", "request_id"}
    return body(answer)
