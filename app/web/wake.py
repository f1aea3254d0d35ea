"""The wake client: tells the runner that there may be work, within a hard budget.

A wake-up is a hint: whatever goes wrong here becomes a status, never an exception, and neither the
runner's address nor the token leaves this module.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from dataclasses import dataclass
from typing import Literal

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import Url, parse_url

WakeStatus = Literal["accepted", "refused", "unauthorized", "unreachable", "timed_out", "error"]
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
    """Send one wake-up, naming a job or its type if there is one; say what the runner answered.

    The timeouts of sockets bound one read each, and resolving a name has none: so the call runs in
    a thread of its own that is given up, its socket shut down, when the budget is spent.
    """
    call = _Call(runner_url, token, timeout_seconds, job_id, job_type)
    thread = threading.Thread(target=call.run, name="wake", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the process may have no thread left; the job is committed all the same
        return WakeOutcome(sent=False, status="error")
    thread.join(timeout_seconds)
    if thread.is_alive():
        call.abandon()
        return WakeOutcome(call.sent, "timed_out")
    return WakeOutcome(call.sent, call.status)


class _Call:
    """One request to the runner's listener. It reads the status line and nothing of the body."""

    def __init__(
        self,
        runner_url: str,
        token: str,
        timeout_seconds: float,
        job_id: str | None,
        job_type: str | None,
    ) -> None:
        self._runner_url = runner_url
        self._headers = {"X-Runner-Token": token, "Content-Type": "application/json"}
        self._timeout_seconds = timeout_seconds
        named = {"job_id": job_id, "job_type": job_type}
        self._body = json.dumps({k: v for k, v in named.items() if v is not None}).encode()
        self._connection: HTTPConnection | None = None
        self._abandoned = False
        self.sent = False
        self.status: WakeStatus = "error"

    def run(self) -> None:
        try:
            self.status = self._post()
        except NewConnectionError:  # before its base class, which it shares with no time-out
            self.status = "unreachable"
        except (ConnectTimeoutError, TimeoutError):
            self.status = "timed_out"
        except (HTTPError, http.client.HTTPException, OSError, ValueError):
            self.status = "error"
        finally:
            if self._connection is not None:
                self._connection.close()

    def abandon(self) -> None:
        """Shut the socket down, which ends the thread that is blocked on it."""
        self._abandoned = True
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _post(self) -> WakeStatus:
        url = parse_url(self._runner_url)
        connection = self._connection = _connection(url, self._timeout_seconds)
        connection.connect()
        if self._abandoned:
            return "timed_out"
        path = (url.path or "").rstrip("/") + "/runner/wake"
        connection.request("POST", path, body=self._body, headers=self._headers)
        self.sent = True
        # urllib3's own getresponse reads the whole body, and logs the address of a runner whose
        # headers are malformed.
        status = http.client.HTTPConnection.getresponse(connection).status
        return "accepted" if 200 <= status < 300 else _BY_STATUS_CODE.get(status, "error")


def _connection(url: Url, timeout_seconds: float) -> HTTPConnection:
    host = (url.host or "").strip("[]")
    if url.scheme == "https":
        return HTTPSConnection(
            host,
            url.port,
            timeout=timeout_seconds,
            cert_reqs="CERT_REQUIRED",
            ca_certs=certifi.where(),
        )
    return HTTPConnection(host, url.port, timeout=timeout_seconds)
