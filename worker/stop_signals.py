"""The signals that stop a runner, as bytes on a pipe: the handlers themselves do nothing."""

from __future__ import annotations

import os
import signal

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopSignals:
    """A pipe whose end `fd` the main thread waits on, for signals and for whoever wakes it."""

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe()
        for fd in (self.fd, self._write_fd):
            os.set_blocking(fd, False)

    def take(self) -> None:
        """Have signals of this process arrive here, from now on."""
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for signum in _STOP_SIGNALS:
            signal.signal(signum, lambda _signum, _frame: None)

    def wake(self) -> None:
        """Wake the main thread for another reason; called by any thread."""
        os.write(self._write_fd, b"\0")

    def read(self) -> int:
        """Return how many signals came, once there is something on the pipe."""
        return sum(signum in _STOP_SIGNALS for signum in os.read(self.fd, 4_096))
