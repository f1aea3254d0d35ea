"""Fetch one document over HTTP within a size, a time and a network that the caller sets."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import urllib3
from urllib3.connection import HTTPConnection

from app.fetch.address import Address, read_address, resolve
from app.fetch.connection import connect, cut_at
from app.fetch.errors import AddressRefused, BadAnswer, TooLarge, TooSlow, Unreachable

MAX_REDIRECTS = 4
MAX_VALIDATOR_LENGTH = 500
REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "DomainExpansion/0.1 (feed reader)"

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class FetchLimits:
    timeout_seconds: float
    max_bytes: int
    allow_private_hosts: bool

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> FetchLimits:
        """Read the limits from the settings that a handler is given."""
        return cls(
            timeout_seconds=float(settings["fetch_timeout_seconds"]),
            max_bytes=int(settings["fetch_max_bytes"]),
            allow_private_hosts=bool(settings["fetch_private_hosts"]),
        )


@dataclass(frozen=True, slots=True)
class Document:
    """What the host sent. `is_unchanged`: it still is what the caller's validators name."""

    url: str
    body: bytes
    content_type: str
    etag: str | None
    last_modified: str | None
    is_unchanged: bool = False


def fetch(
    url: str,
    limits: FetchLimits,
    *,
    accept: str = "*/*",
    etag: str | None = None,
    last_modified: str | None = None,
) -> Document:
    """Get `url`, following a few redirects, each checked like the first address.

    Raises a `FetchError`. With `etag` or `last_modified` the request is conditional.
    """
    headers = {"Accept": accept, "Accept-Encoding": "gzip", "Connection": "close"}
    headers["User-Agent"] = USER_AGENT
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    ends_at = time.monotonic() + limits.timeout_seconds
    for _ in range(1 + MAX_REDIRECTS):
        with _answer(read_address(url), headers, limits, ends_at) as response:
            if response.status in REDIRECTS:
                url = _redirect_target(url, response.headers.get("Location"))
                continue
            return _document(url, response, limits, is_conditional=bool(etag or last_modified))
    raise BadAnswer(f"redirects more than {MAX_REDIRECTS} times")


def _document(
    url: str, response: urllib3.HTTPResponse, limits: FetchLimits, *, is_conditional: bool
) -> Document:
    is_unchanged = response.status == 304 and is_conditional
    if response.status != 200 and not is_unchanged:
        raise BadAnswer(f"the host answered {response.status}")
    return Document(
        url=url,
        body=b"" if is_unchanged else _body(response, limits.max_bytes),
        content_type=response.headers.get("Content-Type", ""),
        etag=_validator(response.headers.get("ETag")),
        last_modified=_validator(response.headers.get("Last-Modified")),
        is_unchanged=is_unchanged,
    )


def _body(response: urllib3.HTTPResponse, max_bytes: int) -> bytes:
    """Read in bounded steps, so that a packed bomb never unpacks beyond one step."""
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise TooLarge(max_bytes)
    body = bytearray()
    for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > max_bytes or response.tell() > max_bytes + _CHUNK_BYTES:
            raise TooLarge(max_bytes)
    return bytes(body)


@contextmanager
def _answer(
    address: Address, headers: Mapping[str, str], limits: FetchLimits, ends_at: float
) -> Iterator[urllib3.HTTPResponse]:
    """Yield the response to one request, and turn what fails on the way into a `FetchError`."""
    try:
        networks = resolve(address, allow_private_hosts=limits.allow_private_hosts)
        connection = connect(address, networks, ends_at)
        with closing(connection), cut_at(ends_at, connection.sock) as is_over:
            try:
                yield from _exchange(connection, address, headers)
            except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
                if is_over.is_set():
                    raise TimeoutError from error
                raise
            # A body without a length ends where its connection ends, also where we cut it.
            if is_over.is_set():
                raise TimeoutError
    except urllib3.exceptions.NewConnectionError as error:
        # Before the timeouts, for urllib3 counts it among them.
        raise Unreachable("no connection to the host") from error
    except (TimeoutError, urllib3.exceptions.TimeoutError) as error:
        raise TooSlow(limits.timeout_seconds) from error
    except (ssl.SSLError, urllib3.exceptions.SSLError) as error:
        raise Unreachable("no trusted TLS connection to the host") from error
    except urllib3.exceptions.DecodeError as error:
        raise BadAnswer("the answer is packed in a way that cannot be read") from error
    except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
        raise Unreachable("the connection to the host failed") from error


def _exchange(
    connection: HTTPConnection, address: Address, headers: Mapping[str, str]
) -> Iterator[urllib3.HTTPResponse]:
    connection.request(
        "GET",
        address.target,
        headers={"Host": address.host_header, **headers},
        preload_content=False,
    )
    # The response owns the socket from here on (`Connection: close`), so it is closed by itself.
    with closing(connection.getresponse()) as response:
        yield response


def _redirect_target(url: str, location: str | None) -> str:
    if not location:
        raise BadAnswer("redirects without saying where to")
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise AddressRefused("redirects to an address that is not well formed") from error


def _validator(value: str | None) -> str | None:
    """Keep an ETag or Last-Modified only if it can be sent back as it came."""
    if value and len(value) <= MAX_VALIDATOR_LENGTH and value.isascii() and value.isprintable():
        return value
    return None
