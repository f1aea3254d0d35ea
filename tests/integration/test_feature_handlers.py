"""The features' handlers as a slot calls them, against the demo's documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from app.captorator.job_type import JOB_TYPE as CAPTION
from app.captorator.request import ComposeCaption
from app.cli.demo_feeds import DemoFeeds, serve_demo_feeds
from app.fetch.errors import FetchError
from app.metrics.payload import RefreshPayload
from app.nearsight.payload import CollectPayload
from tests.scripted_host import response, scripted_host
from worker.context import JobContext
from worker.handlers import HANDLERS
from worker.handlers.captorator import compose
from worker.handlers.metrics import refresh
from worker.handlers.nearsight import collect
from worker.steering import GiveUp, JobCancelled

SETTINGS = {
    "fetch_private_hosts": True,
    "fetch_timeout_seconds": 5.0,
    "fetch_max_bytes": 1_000_000,
}


class Stop:
    def __init__(self, *, is_set: bool) -> None:
        self._is_set = is_set

    def is_set(self) -> bool:
        return self._is_set

    def fileno(self) -> int:
        raise NotImplementedError


def job(told: list[dict[str, Any]], *, is_stopped: bool = False, **settings: Any) -> JobContext:
    return JobContext(
        id=uuid4(),
        claim_seq=1,
        attempt=1,
        settings=SETTINGS | settings,
        send=told.append,
        stop=Stop(is_set=is_stopped),
    )


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoFeeds]:
    with serve_demo_feeds() as feeds:
        yield feeds


def test_a_collection_tells_how_each_source_fared(demo: DemoFeeds) -> None:
    told: list[dict[str, Any]] = []
    collected = collect(job(told), CollectPayload.model_validate({"sources": demo.sources}))
    assert collected.fetched >= 40
    progress = [message["data"] for message in told if message["kind"] == "progress"]
    assert [data["done"] for data in progress] == [0, 1, 2, 3, 4, 5]
    assert {data["total"] for data in progress} == {5}
    lines = [data["message"] for data in progress]
    assert "Harbour Post: 14 headlines" in lines
    assert lines[-1].startswith("Northmoor Bulletin: ")
    logs = [message["message"] for message in told if message["kind"] == "log"]
    assert logs == ["Teatime Gazette: failed, the document is not well-formed XML"]


def test_a_cancelled_collection_ends_at_the_next_source(demo: DemoFeeds) -> None:
    payload = CollectPayload.model_validate({"sources": demo.sources})
    with pytest.raises(JobCancelled):
        collect(job([], is_stopped=True), payload)


def test_a_collection_keeps_to_the_settings_of_the_runner(demo: DemoFeeds) -> None:
    payload = CollectPayload.model_validate({"sources": demo.sources[:1]})
    with pytest.raises(Exception, match="private or local network"):
        collect(job([], fetch_private_hosts=False), payload)
    with pytest.raises(Exception, match="larger than 100 bytes"):
        collect(job([], fetch_max_bytes=100), payload)


def test_metrics_are_read_from_a_document(demo: DemoFeeds) -> None:
    told: list[dict[str, Any]] = []
    refreshed = refresh(job(told), RefreshPayload(url=demo.metrics_url))
    assert len(refreshed.snapshots) == 24
    assert told[-1]["data"] == {"done": 2, "total": 2, "message": "24 snapshots read"}


def test_a_document_that_is_no_report_is_given_up(demo: DemoFeeds) -> None:
    with pytest.raises(GiveUp, match="no CSV with the columns"):
        refresh(job([]), RefreshPayload(url=demo.sources[0]["url"]))


def test_a_document_that_may_not_be_fetched_is_given_up(demo: DemoFeeds) -> None:
    with pytest.raises(GiveUp, match="private or local network"):
        refresh(job([], fetch_private_hosts=False), RefreshPayload(url=demo.metrics_url))


def test_a_host_that_is_ill_today_is_tried_again() -> None:
    with scripted_host() as host:
        url = host.url("/metrics.csv", response(status="503 Service Unavailable"))
        with pytest.raises(FetchError, match="503"):
            refresh(job([]), RefreshPayload(url=url))


def test_a_caption_is_composed_with_its_checks() -> None:
    told: list[dict[str, Any]] = []
    composed = compose(job(told), ComposeCaption.model_validate(CAPTION.example))
    assert all(check.passed for check in composed.result.checks)
    assert told[-1]["data"]["message"] == "7 of 7 checks passed"


def test_a_caption_that_is_refused_is_given_up_with_the_reason() -> None:
    payload = ComposeCaption.model_validate({**CAPTION.example, "details": ["A miracle"]})
    with pytest.raises(GiveUp, match="makes a medical claim"):
        compose(job([]), payload)


def test_what_has_no_room_in_a_caption_is_logged() -> None:
    told: list[dict[str, Any]] = []
    details = [f"{name} {'word ' * 16}" for name in ("First", "Second", "Third")]
    changes = {"details": details, "platform": "x"}
    compose(job(told), ComposeCaption.model_validate({**CAPTION.example, **changes}))
    logs = [message["message"] for message in told if message["kind"] == "log"]
    assert "no room for #Coffee" in logs


@pytest.mark.parametrize(
    "job_type", ["nearsight_collect_refresh", "captorator_compose", "metrics_refresh"]
)
def test_each_feature_registers_its_job_type_with_its_models(job_type: str) -> None:
    spec = HANDLERS[job_type]
    assert spec.result is not None
    assert spec.store is not None
    assert spec.max_attempts == 3
