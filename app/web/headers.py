"""The headers that every response carries, errors included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, request

from app.web.request_ids import request_id

if TYPE_CHECKING:
    from config import Settings

CANONICAL = "/api/v1/ops/"
ALIAS = "/api/ops/"

_ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ONE_YEAR = "max-age=31536000"


def add_headers(response: Response, settings: Settings) -> None:
    """Add what is missing; a page that sets its own Content-Security-Policy keeps it."""
    present = {name.lower() for name, _ in response.headers}
    for name, value in _ALWAYS.items():
        if name.lower() not in present:
            response.headers.add(name, value)
    response.headers["X-Request-Id"] = request_id()
    if settings.is_production:
        response.headers["Strict-Transport-Security"] = _ONE_YEAR
    if request.path.startswith(ALIAS) and response.status_code < 400:
        response.content_location = CANONICAL + request.path.removeprefix(ALIAS)
