"""Which addresses are fetched at all, and which network addresses are connected to."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fetch.address import Address, is_public, read_address, resolve
from app.fetch.errors import AddressRefused, FetchError, Unreachable


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/feed",
        "javascript:alert(1)",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "//example.org/feed",
        "example.org/feed",
        "http://",
        "http:///path",
        "http://user:secret@example.org/",
        "http://user@example.org/",
        "http://good.example\\@evil.example/",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://example.org:port/",
        "http://[::1",
        "http://exa mple.org/",
        "http://example.org/a\nHost: evil",
        "http://example.org/\x00",
        "http://-example.org/",
        "http://" + "a" * 2000 + ".example/",
    ],
)
def test_an_address_that_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        read_address(url)


def test_a_refusal_does_not_repeat_the_address() -> None:
    with pytest.raises(AddressRefused) as refused:
        read_address("http://user:hunter2@example.org/?token=s3cret")
    assert "hunter2" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "address", "host_header"),
    [
        ("HTTP://Example.ORG", Address("http", "example.org", 80, "/"), "example.org"),
        (
            "https://example.org:8443/a b".replace(" ", "%20") + "?q=ü#part",
            Address("https", "example.org", 8443, "/a%20b?q=%C3%BC"),
            "example.org:8443",
        ),
        ("http://bücher.example/", Address("http", "xn--bcher-kva.example", 80, "/"), None),
        ("http://[2001:DB8::1]:80/", Address("http", "2001:db8::1", 80, "/"), "[2001:db8::1]"),
    ],
)
def test_an_address_is_taken_apart(url: str, address: Address, host_header: str | None) -> None:
    assert read_address(url) == address
    assert host_header is None or address.host_header == host_header


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://a.example", "http://["]))
def test_reading_any_text_gives_an_address_or_a_refusal(text: str, start: str) -> None:
    try:
        address = read_address(start + text)
    except AddressRefused:
        return
    request_line = f"GET {address.target} HTTP/1.1 {address.host_header}"
    assert request_line.isascii()
    assert "\r" not in request_line
    assert "\n" not in request_line
    assert request_line.count(" ") == 3


@pytest.mark.parametrize(
    "network",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "0.0.0.0", "100.64.0.1", "198.18.0.1", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd12::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::",
        "2001::1", "2001:db8::1", "not an address",
    ],
)  # fmt: skip
def test_a_private_or_special_network_address_is_not_public(network: str) -> None:
    assert not is_public(network)


@pytest.mark.parametrize(
    "network",
    ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_an_address_of_the_internet_is_public(network: str) -> None:
    assert is_public(network)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "127.1", "0", "[::1]", "[::ffff:7f00:1]"]
)
def test_loopback_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(FetchError):
        resolve(read_address(f"http://{host}/"), allow_private_hosts=False)


def test_one_private_answer_refuses_the_host_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, ["93.184.216.34", "10.0.0.7"])
    with pytest.raises(AddressRefused, match="private"):
        resolve(read_address("http://both.example/"), allow_private_hosts=False)


def test_every_public_answer_may_be_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, ["93.184.216.34", "93.184.216.34", "2606:4700::1111"])
    found = resolve(read_address("http://public.example/"), allow_private_hosts=False)
    assert found == ["93.184.216.34", "2606:4700::1111"]


def test_a_name_that_nobody_knows_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match="could not be resolved"):
        resolve(read_address("http://nobody.example/"), allow_private_hosts=True)


def _answer(monkeypatch: pytest.MonkeyPatch, networks: list[str]) -> None:
    """Let the name server, which is not ours, answer with `networks`."""

    def answers(host: str, port: int, **kwargs: Any) -> Any:
        return [(0, 0, 0, "", (network, port)) for network in networks]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
