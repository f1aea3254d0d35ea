"""The door: nothing under /api/ is answered without the key, not even that an address is unknown.

The cron's address has a secret of its own, as a bearer token: that is how platforms send it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Literal

from flask import request

from app.web.errors import Problem
from app.web.headers import ALIAS, CANONICAL

if TYPE_CHECKING:
    from config import Settings

API = "/api"
CRON_WAKE = "/cron/wake"
_CRON = tuple(prefix.rstrip("/") + CRON_WAKE for prefix in (CANONICAL, ALIAS))

Credential = Literal["ops_key", "cron_secret"]


def credential_for(path: str) -> Credential | None:
    """Return what opens `path`, whether or not anything answers there."""
    if path in _CRON:
        return "cron_secret"
    return "ops_key" if path == API or path.startswith(f"{API}/") else None


def require(credential: Credential, settings: Settings) -> None:
    """Raise Problem `invalid_key` or `invalid_cron_secret` unless the request carries it.

    Without any in the settings nothing is valid.
    """
    if credential == "cron_secret":
        accepted = [f"Bearer {settings.cron_secret}"] if settings.cron_secret else []
        if not _is_one_of(accepted, "Authorization"):
            raise Problem("invalid_cron_secret")
    elif not _is_one_of((settings.ops_api_key, settings.ops_api_key_previous), "X-Ops-Key"):
        raise Problem("invalid_key")


def _is_one_of(accepted: list[str] | tuple[str, ...], header: str) -> bool:
    """Compare a header in constant time.

    Bytes are compared, for text outside ASCII makes compare_digest raise; and digests of them, so
    that the length of a secret does not show.
    """
    # WSGI hands header bytes over as latin-1 text.
    presented = _digest(request.headers.get(header, "").encode("latin-1", "replace"))
    matches = [hmac.compare_digest(presented, _digest(text.encode())) for text in accepted if text]
    return any(matches)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
