"""The listener's end of the line to the runner: wake-ups out, the runner's state back.

However many wake-ups come, one message is under way: the runner confirms it before it acts, and
what came meanwhile makes the next one. So a flood cannot fill the line, and the last wake-up is
never swallowed by an earlier one.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import socket
import threading
from collections.abc import Callable
from typing import Any

from worker.frames import FrameError, pack, read_frame

ANSWER_SECONDS = 2.0


class Line:
    """Used by the threads of gunicorn's one worker; a reader thread of its own takes what comes."""

    def __init__(self, connection: socket.socket, on_end: Callable[[], None]) -> None:
        self._connection = connection
        self._on_end = on_end
        self._lock = threading.Lock()
        self._is_under_way = False
        self._came_meanwhile = False
        self._numbers = itertools.count(1)
        self._asked: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        threading.Thread(target=self._read, name="line", daemon=True).start()

    def wake(self) -> None:
        """Pass a wake-up on; never blocks."""
        with self._lock:
            if self._is_under_way:
                self._came_meanwhile = True
            else:
                self._is_under_way = True
                self._send({"kind": "wake"})

    def state(self) -> dict[str, Any] | None:
        """Ask the runner how it is; None where it does not answer in time."""
        number, answer = next(self._numbers), queue.SimpleQueue[dict[str, Any]]()
        with self._lock:
            self._asked[number] = answer
            self._send({"kind": "ask", "number": number})
        try:
            return answer.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            return None
        finally:
            with self._lock:
                self._asked.pop(number, None)

    def _send(self, message: dict[str, Any]) -> None:
        # A runner that does not read is stopped or hung: it looks for itself when it goes on.
        with contextlib.suppress(OSError):
            self._connection.send(pack(message), socket.MSG_DONTWAIT)

    def _read(self) -> None:
        with contextlib.suppress(OSError, FrameError):
            while (message := read_frame(self._connection)) is not None:
                self._take(message)
        self._on_end()

    def _take(self, message: dict[str, Any]) -> None:
        with self._lock:
            if message["kind"] == "woken":
                self._is_under_way = self._came_meanwhile
                self._came_meanwhile = False
                if self._is_under_way:
                    self._send({"kind": "wake"})
            elif message["kind"] == "state":
                answer = self._asked.get(message["number"])
                if answer is not None:
                    answer.put(message["state"])
