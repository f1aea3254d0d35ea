"""The wake client: tells the runner that there may be work, within a hard budget.

A wake-up is a hint: whatever goes wrong here becomes a status, never an exception, and neither the
runner's address nor the token leaves this module.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import Url, parse_url
from urllib3.util.ssl_ import create_urllib3_context

WakeStatus = Literal["accepted", "refused", "unauthorized", "unreachable", "timed_out", "error"]
# Listeners and proxies close a connection on which nothing comes after 5 seconds or more.
FRESH_SECONDS = 2.0
UNSENT_SECONDS = 4.0

_BY_STATUS_CODE: dict[int, WakeStatus] = {401: "unauthorized", 403: "refused"}


@dataclass(frozen=True, slots=True)
class WakeOutcome:
    """What became of a wake-up; `sent` says that the whole request left this process.

    `failed` counts the other runners, where one accepted and they did not.
    """

    sent: bool
    status: WakeStatus
    failed: int = 0


def send_wake(
    runner_url: str,
    token: str,
    *,
    timeout_seconds: float,
    job_id: str | None = None,
    job_type: str | None = None,
) -> WakeOutcome:
    """Send one wake-up, naming a job or its type if there is one; say what the runner answered."""
    call = WakeCall(runner_url, timeout_seconds=timeout_seconds)
    return call.send(token, timeout_seconds=timeout_seconds, job_id=job_id, job_type=job_type)


class WakeCall:
    """One wake-up: connects at once, and leaves when it is known what it says.

    So name lookup, connection and TLS handshake take place while the job is being committed. The
    timeouts of sockets bound one read each, and resolving a name has none: so it has a thread of
    its own that is given up, its socket shut down, when the budget is spent. It reads the status
    line of the answer and nothing of the body.
    """

    def __init__(self, runner_url: str, *, timeout_seconds: float) -> None:
        """Begin to connect, which may take `timeout_seconds`."""
        self._runner_url = runner_url
        self._timeout_seconds = timeout_seconds
        self._begun_at = _clocks()
        self._content: queue.SimpleQueue[_Content] = queue.SimpleQueue()
        self._connection: HTTPConnection | None = None
        self._abandoned = False
        self._sent = False
        self.is_answered = False
        self._status: WakeStatus = "error"
        self._thread = threading.Thread(target=self._run, name="wake", daemon=True)
        # The process may have no thread left; the job is committed all the same.
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    @property
    def is_fresh(self) -> bool:
        """Whether nobody will have closed the connection yet.

        By both clocks: the one may stand still while a serverless platform freezes the process,
        the other may be set.
        """
        ages = [now - begun for now, begun in zip(_clocks(), self._begun_at, strict=True)]
        return min(ages) >= 0 and max(ages) < FRESH_SECONDS

    def send(
        self,
        token: str,
        *,
        timeout_seconds: float,
        job_id: str | None = None,
        job_type: str | None = None,
    ) -> WakeOutcome:
        """Send it, once, and say what the runner answered."""
        if self._thread.ident is None:
            return WakeOutcome(sent=False, status="error")
        named = {"job_id": job_id, "job_type": job_type}
        body = json.dumps({name: value for name, value in named.items() if value is not None})
        headers = {"X-Runner-Token": token, "Content-Type": "application/json"}
        self._content.put(_Content(headers, body.encode()))
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            self._abandon()
            return WakeOutcome(self._sent, "timed_out")
        return WakeOutcome(self._sent, self._status)

    def _abandon(self) -> None:
        """Shut the socket down, which ends the thread that is blocked on it."""
        self._abandoned = True
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            self._status = self._post()
        except NewConnectionError:  # before its base class, which it shares with no time-out
            self._status = "unreachable"
        except (ConnectTimeoutError, TimeoutError):
            self._status = "timed_out"
        except (HTTPError, http.client.HTTPException, OSError, ValueError):
            self._status = "error"
        finally:
            if self._connection is not None:
                self._connection.close()

    def _post(self) -> WakeStatus:
        url = parse_url(self._runner_url)
        connection = self._connection = _connection(url, self._timeout_seconds)
        connection.connect()
        try:
            content = self._content.get(timeout=UNSENT_SECONDS)
        except queue.Empty:
            return "error"  # its job was not committed, or much later
        if self._abandoned:
            return "timed_out"
        path = (url.path or "").rstrip("/") + "/runner/wake"
        connection.request("POST", path, body=content.body, headers=content.headers)
        self._sent = True
        # urllib3's own getresponse reads the whole body, and logs the address of a runner whose
        # headers are malformed.
        status = http.client.HTTPConnection.getresponse(connection).status
        self.is_answered = True
        return "accepted" if 200 <= status < 300 else _BY_STATUS_CODE.get(status, "error")


class _Content(NamedTuple):
    headers: dict[str, str]
    body: bytes


def _connection(url: Url, timeout_seconds: float) -> HTTPConnection:
    host = (url.host or "").strip("[]")
    if url.scheme == "https":
        return HTTPSConnection(
            host, url.port, timeout=timeout_seconds, ssl_context=_trusting(certifi.where())
        )
    return HTTPConnection(host, url.port, timeout=timeout_seconds)


@cache
def _trusting(roots: str) -> ssl.SSLContext:
    """Return a context that trusts the certificates of this file: reading it takes 13 ms."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(roots)
    return context


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()
