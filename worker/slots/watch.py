"""What the pool's thread waits for: sockets and pipes, each with what to do when one is ready."""

from __future__ import annotations

import contextlib
import os
import selectors
from collections.abc import Callable
from typing import Any

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

OnReady = Callable[[int], object]


class Watch:
    """The descriptors that are watched. Of one thread, but for `wake`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self.add(self._wake_read, self._take_wake)

    def add(self, fileobj: Any, on_ready: OnReady) -> None:
        """Call `on_ready` with READ or WRITE, or both, once there is something to read."""
        self._selector.register(fileobj, READ, on_ready)

    def await_room(self, fileobj: Any, is_awaited: bool) -> None:
        """Call also, or no more, when there is room to write."""
        known = self._selector.get_map().get(fileobj)
        if known is not None:
            self._selector.modify(fileobj, READ | WRITE if is_awaited else READ, known.data)

    def forget(self, fileobj: Any) -> None:
        """Watch it no more, if it is watched."""
        if fileobj in self._selector.get_map():
            self._selector.unregister(fileobj)

    def wait(self, seconds: float | None) -> None:
        """Wait until something is ready, or somebody wakes us, and do what is to be done."""
        for key, mask in self._selector.select(seconds):
            key.data(mask)

    def wake(self) -> None:
        """Have `wait` return, on whatever thread."""
        with contextlib.suppress(BlockingIOError):  # it is awake already
            os.write(self._wake_write, b"!")

    def close(self) -> None:
        """Watch nothing any more."""
        self._selector.close()

    def _take_wake(self, _mask: int) -> None:
        os.read(self._wake_read, 4096)
