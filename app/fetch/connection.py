"""One connection to a checked network address, which ends when its time is over."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from app.fetch.address import Address


def connect(address: Address, networks: list[str], ends_at: float) -> HTTPConnection:
    """Connect to the first of `networks` that takes the connection.

    Each one gets its share of the time left, so that a silent first one leaves some to the next.
    """
    failure: Exception = OSError("no network address")
    for tried, network in enumerate(networks):
        remaining_seconds = ends_at - time.monotonic()
        if remaining_seconds <= 0:
            raise TimeoutError
        connection = _connection(address, network, remaining_seconds / (len(networks) - tried))
        try:
            connection.connect()
        except (OSError, urllib3.exceptions.HTTPError) as error:
            connection.close()
            failure = error
        else:
            connection.timeout = max(0.001, ends_at - time.monotonic())
            return connection
    raise failure


@contextmanager
def cut_at(ends_at: float, sock: socket.socket | None) -> Iterator[threading.Event]:
    """Cut the connection at `ends_at`; the event that is yielded says whether that happened.

    A socket's own timeout restarts with each byte, so a host that drips would hold us for hours.
    """
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        if sock is not None:
            with suppress(OSError):
                # Not the TLS socket's own shutdown: it drops the TLS state under the reader.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, ends_at - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()


def _connection(address: Address, network: str, timeout_seconds: float) -> HTTPConnection:
    if address.scheme == "http":
        return HTTPConnection(network, address.port, timeout=timeout_seconds)
    return HTTPSConnection(
        network,
        address.port,
        timeout=timeout_seconds,
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
        # The name that the certificate is checked for; the connection itself goes to `network`.
        server_hostname=address.host,
    )
