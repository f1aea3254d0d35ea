"""The registry: who may handle what, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from config import Settings
from worker.context import JobContext
from worker.handlers import HANDLERS
from worker.registry import RegistryError, handler, load_registry


class Payload(BaseModel):
    name: str = ""


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """Forget what a test registered."""
    before = dict(HANDLERS)
    yield
    HANDLERS.clear()
    HANDLERS.update(before)


def settings(**values: object) -> Settings:
    return Settings(**{"app_env": "production", "runner_allowlist": (), **values})  # type: ignore[arg-type]


def test_test_job_is_allowed_outside_production_only() -> None:
    assert load_registry(settings(app_env="development")).allowlist == ("test_job",)
    assert load_registry(settings(app_env="testing")).allowlist == ("test_job",)
    registry = load_registry(settings(runner_allowlist=("test_job",)))
    assert registry.allowlist == ()
    assert registry.left_out == {"test_job": "it runs in development and testing only"}


def test_what_is_left_out_says_why() -> None:
    registry = load_registry(settings(runner_allowlist=("captorator_compose", "no_such_type")))
    assert registry.left_out == {
        "captorator_compose": "its feature is off (CAPTORATOR_ENABLED)",
        "no_such_type": "no handler is registered under this name",
    }


def test_handlers_of_other_modules_need_the_allowlist_too() -> None:
    registry = load_registry(
        settings(runner_handlers=("tests.bad_handlers",), runner_allowlist=("strict",))
    )
    assert registry.allowlist == ("strict",)
    assert {"misbehave", "strict"} <= set(registry.names)
    spec = registry.specs["strict"]
    assert (spec.timeout_seconds, spec.max_attempts) == (5, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"memory_bytes": -1}, "memory_bytes is for process slots, and 0 or more"),
        ({"memory_bytes": 1, "slot": "thread"}, "memory_bytes is for process slots"),
        ({"backoff": (-1, 5)}, "backoff is"),
        ({"backoff": (5, 4)}, "backoff is"),
        ({"backoff": (1, float("inf"))}, "backoff is"),
        ({"backoff": (float("nan"), 1)}, "backoff is"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"odd: {words}"):
        handler("odd", **options)


def test_a_handler_has_bounds_of_its_own() -> None:
    @handler("bounded", memory_bytes=0, backoff=(0, 30))
    def bounded(job: JobContext, payload: Payload) -> None: ...

    spec = HANDLERS["bounded"]
    assert (spec.memory_bytes, spec.backoff) == (0, (0, 30))


def test_a_module_that_does_not_import_is_named() -> None:
    with pytest.raises(RegistryError, match=r"handler module tests\.nothing: ModuleNotFoundError"):
        load_registry(settings(runner_handlers=("tests.nothing",)))


def test_models_are_read_from_the_annotations() -> None:
    @handler("annotated")
    def annotated(job: JobContext, payload: Payload) -> Payload:
        return payload

    spec = HANDLERS["annotated"]
    assert (spec.payload, spec.result) == (Payload, Payload)
    assert spec.function is annotated


def test_two_handlers_of_one_job_type_are_refused() -> None:
    @handler("twice")
    def first(job: JobContext, payload: Payload) -> None: ...

    with pytest.raises(ValueError, match="twice has two handlers"):

        @handler("twice")
        def second(job: JobContext, payload: Payload) -> None: ...


def test_a_handler_without_a_payload_model_is_refused() -> None:
    with pytest.raises(TypeError, match="the payload must be annotated with a pydantic model"):

        @handler("untyped")
        def untyped(job: JobContext, payload: dict[str, str]) -> None: ...

    with pytest.raises(TypeError, match=r"a handler takes \(job, payload\)"):

        @handler("unary")
        def unary(job: JobContext) -> None: ...


def test_store_needs_a_result_model() -> None:
    with pytest.raises(TypeError, match="the return must be annotated"):

        @handler("storing", store=lambda connection, job_id, output: output)
        def storing(job: JobContext, payload: Payload) -> None: ...


@pytest.mark.parametrize("name", ["", "Upper", "os.system", "a" * 101, "a\n", "a-b"])
def test_a_job_type_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="is no job type"):
        handler(name)
