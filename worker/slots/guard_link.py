"""The runner's end of the guard: starting it with a clean environment, and talking to it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from worker.frames import Decoder, pack, read_frame

_READY_SECONDS = 60.0


class GuardError(Exception):
    """The guard cannot work: a handler module does not import, or no process is to be had."""


class GuardLink:
    """One guard process and the control socket to it."""

    def __init__(self, modules: Sequence[str], settings: Mapping[str, Any]) -> None:
        self.control, guard_end = socket.socketpair()
        with guard_end:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "worker.slots.guard", str(guard_end.fileno())],
                env=clean_environment(),
                pass_fds=[guard_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__,
                start_new_session=True,
            )
        self._decoder = Decoder()
        self.control.setblocking(False)
        self._send({"kind": "hello", "modules": [*modules], "settings": {**settings}})

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Block until the handler modules are imported in the guard."""
        self.control.settimeout(_READY_SECONDS)
        try:
            answer = read_frame(self.control)
        except TimeoutError:
            answer = None
        if answer is None or answer["kind"] != "ready":
            self.end()
            reason = "it ended or hung while starting" if answer is None else answer["error"]
            raise GuardError(f"slots cannot start: {reason}")
        self.control.setblocking(False)

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the guard's messages; raises EOFError when it is gone."""
        try:
            data = self.control.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise EOFError
        yield from self._decoder.feed(data)

    def spawn(self, key: int, fds: Sequence[int]) -> None:
        """Ask for a slot process that gets `fds`."""
        frame = pack({"kind": "spawn", "slot": key})
        with contextlib.suppress(OSError):
            sent = socket.send_fds(self.control, [frame], fds)
            self._send_all(frame[sent:])

    def signal(self, pid: int, signum: int) -> None:
        """Ask to signal a slot and everything below it."""
        self._send({"kind": "signal", "pid": pid, "signal": signum})

    def kill(self, pid: int) -> None:
        """Ask to kill a slot and everything below it."""
        self._send({"kind": "kill", "pid": pid})

    def end_slot(self, pid: int) -> None:
        """Ask to end a slot that is at nothing."""
        self._send({"kind": "end", "pid": pid})

    def end(self) -> None:
        """Close the control socket, upon which the guard kills its slots, and wait for that."""
        self.control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # its end is read from the socket, in one place
            self._send_all(pack(message))

    def _send_all(self, data: bytes) -> None:
        """Send all of `data`: control messages are few and small, the guard reads them at once."""
        deadline = time.monotonic() + 5
        while data:
            try:
                data = data[self.control.send(data) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                select.select([], [self.control], [], 0.1)


def clean_environment() -> dict[str, str]:
    """Return the whole environment of handlers: how to find programs and modules, and no secret."""
    certificates = ssl.get_default_verify_paths()
    found = {
        "PATH": os.pathsep.join(os.get_exec_path()),
        "HOME": os.path.expanduser("~"),
        "LANG": "C.UTF-8",
        "TMPDIR": tempfile.gettempdir(),
        "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path),
        "PYTHONDONTWRITEBYTECODE": "1" if sys.dont_write_bytecode else "",
        "SSL_CERT_FILE": certificates.cafile or "",
        "SSL_CERT_DIR": certificates.capath or "",
    }
    return {name: value for name, value in found.items() if value}
