"""Writes one JSON line for each request, and one for each failure of our own.

A line holds the route's template, never the address as sent; and of an exception its class and
where it was raised, never its message, for drivers put connection strings and rows into theirs.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Response, g, request

from app.web.request_ids import request_id

_PRODUCT = Path(__file__).parent.parent
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_logger = logging.getLogger("ops.control_plane")


def configure(level: str) -> None:
    """Set the level; write to stderr unless whoever started this process set up logging."""
    _logger.setLevel(level)
    if not _logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        _logger.addHandler(handler)


def start_clock() -> None:
    g.started = time.perf_counter()


def _method() -> str:
    """Return the method, unless it is a word of the caller's own."""
    return request.method if request.method in _METHODS else "other"


def log_request(response: Response) -> None:
    duration = time.perf_counter() - g.get("started", time.perf_counter())
    _write(
        logging.INFO,
        "request",
        method=_method(),
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        duration_ms=round(duration * 1000, 1),
    )


def log_failure(error: BaseException) -> None:
    """Record an exception that became a 5xx: class, SQLSTATE if it has one, and the frames."""
    cause = getattr(error, "orig", None) or error
    _write(
        logging.ERROR,
        "failure",
        exception=f"{type(cause).__module__}.{type(cause).__qualname__}",
        sqlstate=getattr(cause, "sqlstate", None),
        frames=list(_own_frames(error)),
    )


def _own_frames(error: BaseException) -> Iterator[str]:
    """Yield where in the product the error passed, outermost first, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    for position, frame in enumerate(frames, start=1):
        path = Path(frame.filename)
        if path.is_relative_to(_PRODUCT):
            yield f"{path.relative_to(_PRODUCT.parent)}:{frame.lineno} {frame.name}"
        elif position == len(frames):
            yield f"{path.name}:{frame.lineno} {frame.name}"


def _write(level: int, event: str, **fields: Any) -> None:
    line = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": logging.getLevelName(level).lower(),
        "event": event,
        "request_id": request_id(),
        **{name: value for name, value in fields.items() if value is not None},
    }
    _logger.log(level, json.dumps(line))
