"""Adapters as processes: started in the environment of their system, asked by lines of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".ops" / "bench"
_BOUND = ROOT / "app" / "cli" / "bound_child.py"


class AdapterFailed(Exception):
    """An adapter answered with an error, not in time, or not at all."""


class Remote:
    """One adapter process; its messages and those of its system are in `log`."""

    def __init__(
        self,
        python: Path,
        system: str,
        url: str,
        options: Mapping[str, Any],
        *,
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        self._name = system
        self._log = log
        self._called = "start"
        self._answers: queue.Queue[bytes] = queue.Queue()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(_BOUND), str(os.getpid()), str(python), "-m", "bench.adapter"],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)
        threading.Thread(target=self._read, daemon=True).start()
        self._send({"system": system, "url": url, "options": dict(options)})

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(self, name: str, *, timeout_seconds: float, **arguments: Any) -> Any:
        """Have the adapter do something and return its value; raises AdapterFailed."""
        self.begin(name, **arguments)
        return self.result(timeout_seconds=timeout_seconds)

    def begin(self, name: str, **arguments: Any) -> None:
        """Have the adapter do something, without waiting for it."""
        self._called = name
        self._send({"call": name, "arguments": arguments})

    def result(self, *, timeout_seconds: float) -> Any:
        """Return the value of the call that was begun; raises AdapterFailed."""
        try:
            line = self._answers.get(timeout=timeout_seconds)
        except queue.Empty:
            raise self._failed(f"no answer within {timeout_seconds:.0f} s") from None
        if not line:
            raise self._failed("it ended")
        answer = json.loads(line)
        if "error" in answer:
            raise self._failed(answer["error"])
        return answer["value"]

    def has_answered(self) -> bool:
        """Say whether `result` would return at once."""
        return not self._answers.empty()

    def check(self) -> None:
        """Raise AdapterFailed where the process has ended; there must be no call under way."""
        while self._process.poll() is not None:
            self.result(timeout_seconds=1)

    def stop(self) -> None:
        """End the adapter and all that it started, at once: how a system stops is no measure."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def _read(self) -> None:
        for line in self._output:
            self._answers.put(line)
        self._answers.put(b"")

    def _send(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the end is told by the reader
            self._input.write(json.dumps(message).encode() + b"\n")
            self._input.flush()

    def _failed(self, why: str) -> AdapterFailed:
        return AdapterFailed(f"{self._name}, {self._called}: {why} (see {self._log})")


def wait_until(
    is_done: Callable[[], bool], *, seconds: float, what: str, every: float = 0.002
) -> None:
    """Wait for a condition; raises AdapterFailed when the time is over."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            raise AdapterFailed(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)
