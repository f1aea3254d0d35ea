"""Servers that a system starts: on a free port of loopback, waited for. Standard library only."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

WORKERS = 2
THREADS = 8
"""What `ops serve` has unless told otherwise; every web server of the bench has as many."""

_READY_SECONDS = 30.0
_POLL_SECONDS = 0.02


def start(
    command: Callable[[int], Sequence[str]], environment: Mapping[str, str] | None = None
) -> tuple[int, subprocess.Popen[bytes]]:
    """Start the command for a free port; return the port once something listens there."""
    port = _free_port()
    process = subprocess.Popen(command(port), env=environment)
    deadline = time.monotonic() + _READY_SECONDS
    while not _is_listened_to(port):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"the server did not listen within {_READY_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    return port, process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_listened_to(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
