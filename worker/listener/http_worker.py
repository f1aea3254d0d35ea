"""The worker of the listener under gunicorn: it refuses with the listener's own answers."""

from __future__ import annotations

from app.http_worker import HTTPWorker
from worker.listener.answers import problem


class ListenerWorker(HTTPWorker):
    """The one worker of the listener. A wake-up is small, and whoever sends it does not wait."""

    arrival_seconds = 5.0

    def refusal(self, code: str) -> bytes:
        """Return a problem document."""
        answer = problem(code)
        headers = [*answer.headers, ("Connection", "close")]
        lines = [f"HTTP/1.1 {answer.status_line}", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "", ""]).encode() + answer.body
