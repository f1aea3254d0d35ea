"""The worker of the control plane under gunicorn: it refuses in the one shape of all errors."""

from __future__ import annotations

import json
import secrets

from app.http_worker import HTTPWorker
from app.web.error_handlers import MEDIA_TYPE
from app.web.errors import KINDS


class ControlPlaneWorker(HTTPWorker):
    """A worker of the control plane. The longest batch has 16 MiB, on a line that may be slow."""

    arrival_seconds = 30.0

    def refusal(self, code: str) -> bytes:
        """Return a problem document with a request id."""
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
            f"HTTP/1.1 {kind.status} {kind.title}\r\nConnection: close\r\n"
            f"Cache-Control: no-store\r\nX-Request-Id: {content['request_id']}\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
