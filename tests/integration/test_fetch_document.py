"""Fetching from a real host on loopback that behaves badly in every way we know."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from app.fetch.document import FetchLimits, fetch
from app.fetch.errors import (
    AddressRefused,
    BadAnswer,
    FetchError,
    TooLarge,
    TooSlow,
    Unreachable,
)
from tests.scripted_host import CERTIFICATE, ScriptedHost, response, scripted_host

LIMITS = FetchLimits(timeout_seconds=5, max_bytes=100_000, allow_private_hosts=True)
HURRIED = FetchLimits(timeout_seconds=0.3, max_bytes=100_000, allow_private_hosts=True)
PUBLIC_ONLY = FetchLimits(timeout_seconds=5, max_bytes=100_000, allow_private_hosts=False)


@pytest.fixture
def host() -> Iterator[ScriptedHost]:
    with scripted_host() as host:
        yield host


def test_a_document_comes_with_its_type_and_validators(host: ScriptedHost) -> None:
    answer = response(
        b"hello",
        content_type="text/plain",
        etag='"v1"',
        last_modified="Tue, 24 Nov 2026 06:00:00 GMT",
    )
    document = fetch(host.url("/doc?a=1", answer), LIMITS)
    assert (document.body, document.content_type) == (b"hello", "text/plain")
    assert (document.etag, document.last_modified) == ('"v1"', "Tue, 24 Nov 2026 06:00:00 GMT")
    assert not document.is_unchanged
    assert f"Host: 127.0.0.1:{host.port}\r\n" in host.requests[0]


def test_a_conditional_request_may_be_answered_with_unchanged(host: ScriptedHost) -> None:
    url = host.url("/doc", response(status="304 Not Modified", etag='"v1"'))
    document = fetch(url, LIMITS, etag='"v1"', last_modified="yesterday")
    assert document.is_unchanged
    assert document.body == b""
    assert 'If-None-Match: "v1"\r\n' in host.requests[0]
    assert "If-Modified-Since: yesterday\r\n" in host.requests[0]


def test_unchanged_without_having_been_asked_is_a_bad_answer(host: ScriptedHost) -> None:
    with pytest.raises(BadAnswer, match="304"):
        fetch(host.url("/doc", response(status="304 Not Modified")), LIMITS)


@pytest.mark.parametrize("status", ["204 No Content", "401 Unauthorized", "500 Oh No"])
def test_any_status_but_200_is_a_bad_answer(host: ScriptedHost, status: str) -> None:
    with pytest.raises(BadAnswer, match=status[:3]):
        fetch(host.url("/doc", response(status=status)), LIMITS)


def test_a_packed_document_is_unpacked(host: ScriptedHost) -> None:
    body = gzip.compress(b"news " * 1_000)
    document = fetch(host.url("/doc", response(body, content_encoding="gzip")), LIMITS)
    assert document.body == b"news " * 1_000


def test_a_document_that_is_packed_badly_is_a_bad_answer(host: ScriptedHost) -> None:
    with pytest.raises(BadAnswer, match="packed"):
        fetch(host.url("/doc", response(b"not gzip", content_encoding="gzip")), LIMITS)


def test_a_document_that_announces_too_much_is_not_read(host: ScriptedHost) -> None:
    def announce(connection: socket.socket, is_over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n")
        is_over.wait(10)

    began_at = time.monotonic()
    with pytest.raises(TooLarge, match="100,000 bytes"):
        fetch(host.url("/doc", announce), LIMITS)
    assert time.monotonic() - began_at < 3


def test_a_document_of_unknown_length_is_read_to_the_limit_only(host: ScriptedHost) -> None:
    sent = []

    def flood(connection: socket.socket, is_over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not is_over.is_set():
            sent.append(connection.send(b"x" * 10_000))

    with pytest.raises(TooLarge):
        fetch(host.url("/doc", flood), LIMITS)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_packed_bomb_is_never_unpacked(host: ScriptedHost, is_chunked: bool) -> None:
    bomb = gzip.compress(bytes(200_000_000))
    headers = {"content_encoding": "gzip"}
    body = bomb
    if is_chunked:
        headers |= {"transfer_encoding": "chunked", "Content_Length": ""}
        body = f"{len(bomb):x}\r\n".encode() + bomb + b"\r\n0\r\n\r\n"
    answer = response(body, **headers).replace(b"Content-Length: \r\n", b"")
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            fetch(host.url("/doc", answer), LIMITS)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000_000


def test_a_document_of_exactly_the_limit_is_read(host: ScriptedHost) -> None:
    document = fetch(host.url("/doc", response(b"x" * 100_000)), LIMITS)
    assert len(document.body) == 100_000


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"],
    ids=["silent", "in the headers", "in the body"],
)
def test_a_host_that_drips_is_cut_off_in_time(host: ScriptedHost, beginning: bytes) -> None:
    def drip(connection: socket.socket, is_over: threading.Event) -> None:
        connection.sendall(beginning)
        while beginning and not is_over.wait(0.02):
            connection.sendall(b"x")
        is_over.wait(10)

    began_at = time.monotonic()
    with pytest.raises(TooSlow, match=r"0\.3 s"):
        fetch(host.url("/doc", drip), HURRIED)
    assert time.monotonic() - began_at < 2


def test_a_body_that_we_cut_off_does_not_pass_for_a_whole_one(host: ScriptedHost) -> None:
    def endless(connection: socket.socket, is_over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf a document")
        is_over.wait(10)

    with pytest.raises(TooSlow):
        fetch(host.url("/doc", endless), HURRIED)


def test_redirects_count_against_the_same_time(host: ScriptedHost) -> None:
    def hesitate(connection: socket.socket, is_over: threading.Event) -> None:
        is_over.wait(0.2)
        connection.sendall(response(status="302 Found", location="/doc"))

    began_at = time.monotonic()
    with pytest.raises(TooSlow):
        fetch(host.url("/doc", hesitate), HURRIED)
    assert time.monotonic() - began_at < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "not http", "cut short", "bad chunk", "many headers", "long header"],
)
def test_an_answer_that_breaks_the_protocol_is_a_fetch_error(
    host: ScriptedHost, answer: bytes
) -> None:
    with pytest.raises(FetchError):
        fetch(host.url("/doc", answer), LIMITS)


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable):
        fetch(f"http://127.0.0.1:{port}/", LIMITS)


def test_a_host_that_nobody_vouches_for_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    _name(monkeypatch, "feed.example")
    with scripted_host(with_tls=True) as host:
        host.url("/feed", response(b"hello"))
        with pytest.raises(Unreachable, match="TLS"):
            fetch(f"https://feed.example:{host.port}/feed", LIMITS)
        assert host.requests == []


def test_tls_is_checked_for_the_name_not_for_the_network_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _name(monkeypatch, "feed.example", "other.example")
    monkeypatch.setattr("certifi.where", lambda: str(CERTIFICATE))
    with scripted_host(with_tls=True) as host:
        host.url("/feed", response(b"hello"))
        assert fetch(f"https://feed.example:{host.port}/feed", LIMITS).body == b"hello"
        with pytest.raises(Unreachable, match="TLS"):
            fetch(f"https://other.example:{host.port}/feed", LIMITS)
        assert f"Host: feed.example:{host.port}\r\n" in host.requests[0]


def test_a_tls_host_that_drips_is_cut_off_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(connection: socket.socket, is_over: threading.Event) -> None:
        while not is_over.wait(0.02):
            connection.sendall(b"HTTP/1.1 200 OK\r\n")

    _name(monkeypatch, "feed.example")
    monkeypatch.setattr("certifi.where", lambda: str(CERTIFICATE))
    with scripted_host(with_tls=True) as host:
        host.url("/feed", drip)
        with pytest.raises((TooSlow, Unreachable)):
            fetch(f"https://feed.example:{host.port}/feed", HURRIED)


def test_redirects_are_followed_to_the_document(host: ScriptedHost) -> None:
    host.url("/b/new", response(b"here"))
    url = host.url("/a/old", response(status="301 Moved", location="../b/new"))
    document = fetch(url, LIMITS, etag='"v1"')
    assert document.body == b"here"
    assert document.url == host.url("/b/new")
    assert host.paths() == ["/a/old", "/b/new"]


def test_redirects_without_end_are_given_up(host: ScriptedHost) -> None:
    with pytest.raises(BadAnswer, match="more than 4"):
        fetch(host.url("/a", response(status="302 Found", location="/a")), LIMITS)
    assert len(host.requests) == 5


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://[::"]
)
def test_a_redirect_to_what_is_never_fetched_is_refused(host: ScriptedHost, location: str) -> None:
    with pytest.raises(AddressRefused):
        fetch(host.url("/a", response(status="302 Found", location=location)), LIMITS)


def test_a_redirect_without_a_target_is_a_bad_answer(host: ScriptedHost) -> None:
    with pytest.raises(BadAnswer, match="where to"):
        fetch(host.url("/a", response(status="302 Found")), LIMITS)


def test_a_private_host_is_not_even_connected_to(host: ScriptedHost) -> None:
    with pytest.raises(AddressRefused, match="private"):
        fetch(host.url("/doc", response(b"secret")), PUBLIC_ONLY)
    assert host.requests == []


def test_a_redirect_from_a_public_to_a_private_host_is_refused(
    host: ScriptedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name server is the attacker's; 127.0.0.1 stands for the one public host."""
    monkeypatch.setattr("app.fetch.address.is_public", lambda network: network == "127.0.0.1")
    real = socket.getaddrinfo

    def answers(name: str, *args: Any, **kwargs: Any) -> Any:
        networks = {"feed.example": "127.0.0.1", "inside.example": "127.0.0.2"}
        return real(networks.get(name, name), *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    host.url("/metadata", response(b"secret"))
    inside = f"http://inside.example:{host.port}/metadata"
    host.url("/feed", response(status="302 Found", location=inside))
    with pytest.raises(AddressRefused, match="private"):
        fetch(f"http://feed.example:{host.port}/feed", PUBLIC_ONLY)
    assert host.paths() == ["/feed"]
    assert f"Host: feed.example:{host.port}\r\n" in host.requests[0]


def test_the_connection_goes_to_the_address_that_was_checked(
    host: ScriptedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is asked for once: a second answer could be another one."""
    asked = _name(monkeypatch, "feed.example")
    host.url("/feed", response(b"hello"))
    assert fetch(f"http://feed.example:{host.port}/feed", LIMITS).body == b"hello"
    assert asked.count("feed.example") == 1


def test_a_silent_network_address_leaves_time_for_the_next(
    host: ScriptedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    dead = ("127.0.0.3", port)
    real = socket.getaddrinfo

    def answers(name: str, *args: Any, **kwargs: Any) -> Any:
        if name != "feed.example":
            return real(name, *args, **kwargs)
        return [(0, 0, 0, "", dead), (0, 0, 0, "", ("127.0.0.1", host.port))]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    host.url("/feed", response(b"hello"))
    assert fetch(f"http://feed.example:{host.port}/feed", LIMITS).body == b"hello"


def _name(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
    """Let the name server know `names` as loopback; return what it is asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answers(name: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(name)
        return real("127.0.0.1" if name in names else name, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    return asked
