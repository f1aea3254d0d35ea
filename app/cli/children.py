"""The processes that `ops up` starts: each in its own session, with its own log, never left behind.

Own sessions keep Ctrl-C from them: the parent stops them, in its order.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.cli.local import ROOT

# -I: its folder must not stand in for modules of the standard library.
_BIND = [sys.executable, "-I", "-S", str(Path(__file__).with_name("bound_child.py"))]
_LOG_BYTES = 5_000_000  # at the next start a longer one becomes the old one
_TAIL_LINES = 20
_TAIL_BYTES = 20_000
_POLL_SECONDS = 0.02
_URGENT_SECONDS = 10.0


class Child:
    """A running program with a name for people and a log file."""

    def __init__(
        self, name: str, arguments: Sequence[str], *, variables: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))
        self._log_start = log.stat().st_size if log.exists() else 0
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [*_BIND, str(os.getpid()), sys.executable, *arguments],
                cwd=ROOT,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs."""
        return self.process.poll()

    def stop(self, grace_seconds: float, *, is_urgent: Callable[[], bool]) -> bool:
        """Ask the process to end, wait, kill what is left of its group; say whether it obeyed.

        When the stop becomes urgent it is asked again (a runner then gives its jobs back at once)
        and has little time left.
        """
        self.process.terminate()
        deadline = time.monotonic() + grace_seconds
        hurried = False
        while self.exit_code is None and time.monotonic() < deadline:
            if is_urgent() and not hurried:
                hurried = True
                self.process.terminate()
                deadline = min(deadline, time.monotonic() + _URGENT_SECONDS)
            time.sleep(_POLL_SECONDS)
        obeyed = self.exit_code is not None
        self.kill()
        return obeyed

    def kill(self) -> None:
        """Kill whatever is left of the process and of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self) -> list[str]:
        """Return the end of what this process wrote to its log."""
        with open(self.log, "rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, log.tell() - _TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
