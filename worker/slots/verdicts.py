"""What a running handler says, made storable whatever it said."""

from __future__ import annotations

from typing import Any, TypeGuard

from worker.texts import clean


def read_told(message: dict[str, Any]) -> tuple[str, str | None, dict[str, Any] | None] | None:
    """Return (kind, message, data) of a progress or log frame, None for any other frame."""
    kind, text, data = message.get("kind"), message.get("message"), message.get("data")
    if kind == "log" and isinstance(text, str):
        return kind, clean(text), None
    if kind == "progress" and isinstance(data, dict):
        return kind, None, _progress(data)
    return None


def _progress(data: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in ("done", "total"):
        value = data.get(name)
        if _is_number(value):
            kept[name] = value
    if isinstance(data.get("message"), str):
        kept["message"] = clean(data["message"])
    return kept


def _is_number(value: object) -> TypeGuard[float]:
    """Say whether `value` is a number of sane size; NaN and the infinities are not."""
    return isinstance(value, int | float) and -1e15 < value < 1e15
