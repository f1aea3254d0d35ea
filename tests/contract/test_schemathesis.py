"""The API against its own OpenAPI document, with requests that nobody thought of.

Every operation gets requests that fit the document and requests that do not. No answer may be a
5xx, of an undocumented status, type or shape, or accept what the document forbids. That what fits
is always accepted is not asked: no schema can say what a cursor is, that a time lies within ten
years, that 3.0 is no whole number here, or that a string deep in a payload holds no NUL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.web.openapi import build_document
from tests.control_plane import HEADERS, make_app, serving
from tests.listeners import answer, listening

OPERATIONS = [
    (method.upper(), path)
    for path, methods in build_document(make_app("postgresql://nowhere/nothing"))["paths"].items()
    for method in methods
]
SECRET = "the-secret-of-the-cron"
CREDENTIALS = {**HEADERS, "Authorization": f"Bearer {SECRET}"}
BOUNDS = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def api(database_url: str) -> Iterator[Any]:
    """Yield the schema of a control plane that has everything on, and a runner that accepts."""
    with listening(answer(202)) as runner:
        options = {
            "jobs_enabled": True,
            "cron_secret": SECRET,
            "runner_enabled": True,
            "runner_url": runner.url,
            "runner_token_outbound": "x",
        }
        with serving(database_url, **options) as client:
            document = build_document(client.application)
            for methods in document["paths"].values():
                for operation in methods.values():
                    del operation["security"]  # or the key itself would be what is wrong
            schema = schemathesis.openapi.from_dict(document)
            schema.app = client.application
            yield schema


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(o) for o in OPERATIONS])
def test_no_request_finds_a_fault(api: Any, method: str, path: str, mode: GenerationMode) -> None:
    operation = api[path][method]

    @BOUNDS
    @given(case=operation.as_strategy(generation_mode=mode))
    def hold_against_the_document(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=CREDENTIALS, excluded_checks=[positive_data_acceptance])

    hold_against_the_document()
