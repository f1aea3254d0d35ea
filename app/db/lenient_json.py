"""Reads JSON of the database for people; what cannot be read becomes a note in its place.

One row that was written by hand must not hide the page of rows around it.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 128
UNDECODABLE = {"undecodable": True}


def lenient_json(text: str | bytes) -> Any:
    """Return the value of a JSON text, or UNDECODABLE: too deep, or a number beyond any type."""
    try:
        value = json.loads(text, parse_float=_finite)
    except (ValueError, RecursionError):
        return UNDECODABLE
    return UNDECODABLE if _is_deep(value) else value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("beyond double")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for parent in level
            if isinstance(parent, dict | list)
            for item in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True
