"""Whole collections over HTTP: the demo's feeds, and sources that misbehave beside good ones."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from app.cli.demo_feeds import DemoFeeds, serve_demo_feeds
from app.fetch.document import FetchLimits
from app.nearsight.collection import MAX_STORIES_BYTES, AllSourcesFailed, collect_stories
from app.nearsight.payload import CollectPayload, Source
from app.nearsight.policy import load_policy
from app.nearsight.story import Collected, SourceOutcome
from tests.scripted_host import Answer, ScriptedHost, response, scripted_host

LIMITS = FetchLimits(timeout_seconds=5, max_bytes=500_000, allow_private_hosts=True)
HURRIED = FetchLimits(timeout_seconds=0.3, max_bytes=500_000, allow_private_hosts=True)


def rss(*titles: str) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>https://post.example/{number}</link></item>"
        for number, title in enumerate(titles)
    )
    document = f"<rss version='2.0'><channel>{items}</channel></rss>".encode()
    return response(document, etag='"v1"')


def collect(
    *sources: tuple[str, str],
    limits: FetchLimits = LIMITS,
    budget_seconds: float = 20,
    on_outcome: Callable[[SourceOutcome], None] = lambda outcome: None,
    etag: str | None = None,
) -> Collected:
    payload = CollectPayload(
        sources=[Source(name=name, url=url, etag=etag) for name, url in sources]
    )
    return collect_stories(
        payload, limits, load_policy(), budget_seconds=budget_seconds, on_outcome=on_outcome
    )


@pytest.fixture
def host() -> Iterator[ScriptedHost]:
    with scripted_host() as host:
        yield host


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoFeeds]:
    with serve_demo_feeds() as feeds:
        yield feeds


def test_the_demo_feeds_become_ranked_stories(demo: DemoFeeds) -> None:
    seen: list[SourceOutcome] = []
    collected = collect(
        *((source["name"], source["url"]) for source in demo.sources), on_outcome=seen.append
    )
    assert {outcome.name: outcome.status for outcome in collected.sources} == {
        "Harbour Post": "read",
        "The Linden Courier": "read",
        "Radio Kestrel": "read",
        "Northmoor Bulletin": "read",
        "Teatime Gazette": "failed",
    }
    assert [outcome.name for outcome in collected.sources] == [
        source["name"] for source in demo.sources
    ]
    assert seen[-1].name == "Northmoor Bulletin"  # the slow one held up nobody
    assert collected.fetched == sum(outcome.items for outcome in collected.sources) >= 40
    assert len(collected.stories) < collected.fetched - 10
    first = collected.stories[0]
    assert first.title == "Harbour tunnel closed after overnight flood"
    assert len(first.sources) == 4
    assert [story.title for story in collected.stories].count("Weather today") == 2


def test_a_result_survives_the_way_to_the_runner(demo: DemoFeeds) -> None:
    collected = collect(*((source["name"], source["url"]) for source in demo.sources[:3]))
    assert Collected.model_validate_json(collected.model_dump_json()) == collected


def test_one_good_source_among_bad_ones_is_a_good_run(host: ScriptedHost) -> None:
    def flood(connection: socket.socket, is_over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not is_over.is_set():
            connection.sendall(b"x" * 10_000)

    def silence(connection: socket.socket, is_over: threading.Event) -> None:
        is_over.wait(10)

    bad: dict[str, tuple[Answer | bytes, str]] = {
        "gone": (response(status="410 Gone"), "answered 410"),
        "html": (response(b"<html><body>Maintenance</body></html>"), "not RSS"),
        "flood": (flood, "larger than"),
        "silence": (silence, r"no complete answer"),
        "elsewhere": (response(status="302 Found", location="file:///etc/passwd"), "not http"),
    }
    collected = collect(
        ("good", host.url("/good", rss("Harbour tunnel closed again"))),
        *((name, host.url(f"/{name}?key=s3cret", answer)) for name, (answer, _) in bad.items()),
        limits=HURRIED,
    )
    assert [story.title for story in collected.stories] == ["Harbour tunnel closed again"]
    errors = {outcome.name: outcome.error or "" for outcome in collected.sources}
    assert errors.pop("good") == ""
    for name, (_, reason) in bad.items():
        assert reason in errors[name]
    assert "s3cret" not in str(errors)
    assert "127.0.0.1" not in str(errors)


def test_when_every_source_fails_the_run_fails_with_the_reasons(host: ScriptedHost) -> None:
    gone = response(status="410 Gone")
    with pytest.raises(AllSourcesFailed, match=r"all 2 sources failed \(a: .* 410; b: .* 410\)"):
        collect(("a", host.url("/a?key=s3cret", gone)), ("b", host.url("/b", gone)))


def test_no_source_at_all_is_an_empty_run() -> None:
    collected = collect()
    assert (collected.fetched, collected.stories, collected.sources) == (0, [], [])


def test_an_unchanged_source_has_no_stories_and_is_no_failure(host: ScriptedHost) -> None:
    url = host.url("/feed", response(status="304 Not Modified"))
    collected = collect(("Post", url), etag='"v1"')
    assert [outcome.status for outcome in collected.sources] == ["unchanged"]
    assert 'If-None-Match: "v1"' in host.requests[0]


def test_the_validators_of_a_source_come_back_with_its_outcome(host: ScriptedHost) -> None:
    (outcome,) = collect(("Post", host.url("/feed", rss("Harbour tunnel closed")))).sources
    assert outcome.etag == '"v1"'


def test_private_hosts_are_refused_unless_allowed(host: ScriptedHost) -> None:
    limits = FetchLimits(timeout_seconds=5, max_bytes=500_000, allow_private_hosts=False)
    with pytest.raises(AllSourcesFailed, match="private or local network"):
        collect(("inside", host.url("/feed", rss("Secret"))), limits=limits)
    assert host.requests == []


def test_sources_that_do_not_answer_within_the_run_are_told(host: ScriptedHost) -> None:
    def silence(connection: socket.socket, is_over: threading.Event) -> None:
        is_over.wait(10)

    slow = [(f"slow {number}", host.url(f"/{number}", silence)) for number in range(20)]
    good = ("good", host.url("/good", rss("Harbour tunnel closed")))
    began_at = time.monotonic()
    collected = collect(good, *slow, limits=LIMITS, budget_seconds=0.5)
    assert time.monotonic() - began_at < 3
    assert len(collected.sources) == 21
    failed = [outcome for outcome in collected.sources if outcome.status == "failed"]
    assert len(failed) == 20
    assert all(outcome.error == "not read within the run's 0.5 s" for outcome in failed)


def test_sources_are_read_side_by_side(host: ScriptedHost) -> None:
    together = threading.Barrier(8)

    def meet(connection: socket.socket, is_over: threading.Event) -> None:
        together.wait(5)
        connection.sendall(rss("Harbour tunnel closed"))

    collected = collect(*((str(n), host.url(f"/{n}", meet)) for n in range(8)))
    assert {outcome.status for outcome in collected.sources} == {"read"}


def test_whoever_watches_can_end_the_run(host: ScriptedHost) -> None:
    class Cancelled(Exception):
        pass

    def cancel(outcome: SourceOutcome) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        collect(("Post", host.url("/feed", rss("Tunnel"))), on_outcome=cancel)


def test_more_stories_than_a_run_may_hand_over_are_left_out_and_counted(
    host: ScriptedHost,
) -> None:
    def feed(source: int) -> bytes:
        items = "".join(
            f"<item><title>Story {source} {number} {'x' * 250}</title>"
            f"<link>https://post.example/{source}/{number}/{'y' * 800}</link></item>"
            for number in range(100)
        )
        return response(f"<rss version='2.0'><channel>{items}</channel></rss>".encode())

    collected = collect(*((str(n), host.url(f"/{n}", feed(n))) for n in range(12)))
    assert collected.fetched == 1_200
    assert collected.left_out > 0
    assert len(collected.stories) + collected.left_out == 1_200
    assert len(collected.model_dump_json()) < MAX_STORIES_BYTES + 20_000


def test_the_demo_host_stops_at_once_while_a_slow_reply_is_held_back() -> None:
    began = threading.Event()

    def ask(url: str) -> None:
        with socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0]))) as asker:
            path = "/" + url.split("/", 3)[3]
            asker.sendall(f"GET {path} HTTP/1.1\r\nHost: demo\r\n\r\n".encode())
            began.set()
            with suppress(ConnectionResetError):
                assert asker.recv(1) == b""

    with serve_demo_feeds() as feeds:
        asker = threading.Thread(target=ask, args=(feeds.sources[3]["url"],))
        asker.start()
        assert began.wait(5)
        leaving_at = time.monotonic()
    assert time.monotonic() - leaving_at < 1
    asker.join(5)
    assert not asker.is_alive()
