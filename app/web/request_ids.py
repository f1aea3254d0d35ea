"""One id for each request: the caller's X-Request-Id where it is well formed, else a new one."""

from __future__ import annotations

import re
import secrets

from flask import g, request

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


def request_id() -> str:
    """Return the id of the current request. It is answered, logged and stored on the job."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _ACCEPTED.fullmatch(given) else f"req_{secrets.token_hex(12)}"
    return str(g.request_id)
