"""Real processes for tests: output captured, waited for with deadlines, always ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from tests import witness
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent


class RealProcess:
    """A started program; everything that it prints is kept in `lines`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in iter(self._process.stdout.readline, ""):
            self.lines.append(line.rstrip("\n"))
            witness.saw("what a process printed", line)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def signal(self, signum: int) -> None:
        self._process.send_signal(signum)

    def wait(self, timeout: float = 20) -> int:
        """Wait for its end and return the exit code."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{self.output}") from None

    def wait_for_line(self, text: str, timeout: float = 15) -> str:
        """Return the first line that has `text` in it."""

        def find() -> str | None:
            found = next((line for line in [*self.lines] if text in line), None)
            if found is None and self._process.poll() is not None and not self._reader.is_alive():
                raise AssertionError(f"ended without {text!r}:\n{self.output}")
            return found

        try:
            found = wait_until(find, message=f"a line with {text!r}", timeout=timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output}") from None
        assert found is not None
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return its JSON log lines of one event."""
        found = []
        for line in [*self.lines]:
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                if isinstance(event, dict) and event.get("event") == name:
                    found.append(event)
        return found

    def wait_for_event(self, name: str, timeout: float = 15) -> dict[str, Any]:
        """Return the first JSON log line of an event."""
        event: dict[str, Any] = json.loads(self.wait_for_line(f'"event": "{name}"', timeout))
        return event

    def end(self) -> None:
        """Kill it, and take the rest of its output."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=10)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()


@contextlib.contextmanager
def process(arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[RealProcess]:
    """Run a Python program for the length of the block."""
    started = RealProcess(arguments, environment)
    try:
        yield started
    finally:
        started.end()


def is_running(pid: int) -> bool:
    """Say whether a process is there and not a mere zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def descendants(pid: int) -> list[int]:
    """Return every process below `pid`."""
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]
