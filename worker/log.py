"""One JSON line per event on stderr, in the words of the event kinds; no payload, no secret."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_LOGGER = logging.getLogger("worker")
_EVERYWHERE: dict[str, Any] = {}


class JsonLines(logging.Formatter):
    """Formats records as JSON lines; newlines and control characters are escaped by JSON itself."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
            **_EVERYWHERE,
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, default=str)


def set_up_logging(level: str, *, runner: str) -> None:
    """Send every record of this process to stderr as a JSON line that names the runner."""
    _EVERYWHERE["runner"] = runner
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def is_logged(level: int) -> bool:
    """Whether lines of this level are written: what is told of every job is made only then."""
    return _LOGGER.isEnabledFor(level)


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write one event; `fields` with the value None are left out."""
    if _LOGGER.isEnabledFor(level):
        kept = {name: value for name, value in fields.items() if value is not None}
        _LOGGER.log(level, "%s", event, extra={"fields": kept})
