"""gunicorn's threads, with an answer of our own to what is no HTTP.

gunicorn's own repeats what was sent, in the answer and in the log.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from app.web.error_handlers import MEDIA_TYPE
from app.web.errors import KINDS


class HTTPWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker of the control plane."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reached the app, or that the server failed at."""
        is_malformed = type(exc).__module__ == errors.__name__
        code = "bad_request" if is_malformed else "internal_error"
        self.log.warning("%s: %s", code, type(exc).__name__)
        with contextlib.suppress(OSError):
            client.sendall(_answer(code))


def _answer(code: str) -> bytes:
    kind = KINDS[code]
    content = {
        "type": f"/docs#{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": kind.detail,
        "request_id": f"req_{secrets.token_hex(12)}",
    }
    body = json.dumps(content, separators=(",", ":")).encode() + b"\n"
    head = (
        f"HTTP/1.1 {kind.status} {kind.title}\r\nConnection: close\r\nCache-Control: no-store\r\n"
        f"X-Request-Id: {content['request_id']}\r\nX-Content-Type-Options: nosniff\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
