"""The runner's end of its listener: the bound socket, the process, and the line to it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from worker.backoff import backoff_seconds
from worker.frames import Decoder, FrameError, pack
from worker.listener.setup import Setup
from worker.log import log
from worker.slots.guard_link import clean_environment

_END_SECONDS = 5.0
_STEADY_SECONDS = 60.0


class AddressTaken(Exception):
    """The listener's address cannot be bound."""


def bind(host: str, port: int) -> socket.socket:
    """Bind the listener's address; port 0 takes a free one. Raises AddressTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise AddressTaken(
            f"cannot listen on {host}:{port}: {error.strerror}."
            " Set RUNNER_PORT to another port (0 takes a free one) or stop what uses it."
        ) from None


class ListenerProcess:
    """A listener that is started again when it dies. Used by the main thread alone.

    The socket is bound here and outlives the process: connections wait in it while a listener is
    started again.
    """

    def __init__(
        self,
        server: socket.socket,
        setup: Setup,
        *,
        on_wake: Callable[[], None],
        state: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._server = server
        self._setup = setup
        self._on_wake = on_wake
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started_at = 0.0
        self.line: socket.socket | None = None
        self.restart_at: float | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> socket.socket:
        """Start the process and return the line, to wait on."""
        self.line, there = socket.socketpair()
        with there:
            fds = (there.fileno(), self._server.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "worker.listener", *map(str, fds), str(os.getpid())],
                env=clean_environment(),
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__,
                start_new_session=True,
            )
        self._decoder = Decoder()
        self._started_at = time.monotonic()
        self.restart_at = None
        self._send(asdict(self._setup))
        return self.line

    def read(self) -> bool:
        """Take what the listener says; False when it is gone."""
        if self.line is None:
            return False
        try:
            data = self.line.recv(65_536)
            for message in self._decoder.feed(data):
                self._take(message)
        except (OSError, FrameError):
            data = b""
        if not data:
            self._lost()
        return bool(data)

    def end(self) -> None:
        """End the process and close the address."""
        self._end_process()
        self._server.close()

    def _take(self, message: dict[str, Any]) -> None:
        if message["kind"] == "wake":
            # Confirmed before it is acted on: a wake-up that comes later makes another message.
            self._send({"kind": "woken"})
            self._on_wake()
        elif message["kind"] == "ask":
            state = self._state()
            self._send({"kind": "state", "number": message["number"], "state": {**state}})

    def _send(self, message: dict[str, Any]) -> None:
        if self.line is not None:
            with contextlib.suppress(OSError):  # its end is read from the line, in one place
                self.line.sendall(pack(message))

    def _lost(self) -> None:
        """Note that the listener died, and when to start it again."""
        self._end_process()
        is_steady = time.monotonic() - self._started_at > _STEADY_SECONDS
        self._failures = 1 if is_steady else self._failures + 1
        pause = backoff_seconds(self._failures, lambda: 1.0, base_seconds=0.1, cap_seconds=10.0)
        self.restart_at = time.monotonic() + pause
        log("listener_died", restart_in_seconds=pause)

    def _end_process(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None
        if self._process is not None:
            # not SIGTERM: gunicorn would wait for idle keep-alive connections
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
