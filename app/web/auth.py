"""The ops key: nothing under /api/ is answered without it, not even that an address is unknown."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from flask import request

from app.web.errors import Problem

if TYPE_CHECKING:
    from config import Settings

API = "/api"


def require_ops_key(settings: Settings) -> None:
    """Raise Problem `invalid_key` unless the request carries one of the valid keys.

    Bytes are compared, for text outside ASCII makes compare_digest raise; and digests of them, so
    that the length of a key does not show. Without any key in the settings nothing is valid.
    """
    # WSGI hands header bytes over as latin-1 text.
    presented = _digest(request.headers.get("X-Ops-Key", "").encode("latin-1", "replace"))
    keys = (settings.ops_api_key, settings.ops_api_key_previous)
    matches = [hmac.compare_digest(presented, _digest(key.encode())) for key in keys if key]
    if not any(matches):
        raise Problem("invalid_key")


def needs_ops_key(path: str) -> bool:
    """Say whether `path` lies under /api/, whether or not anything answers there."""
    return path == API or path.startswith(f"{API}/")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
