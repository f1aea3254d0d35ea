"""A slot's words made into a verdict: whatever a handler did, only a sound success is one."""

from __future__ import annotations

from typing import Any, TypeGuard

from worker.frames import FrameError
from worker.results import ResultInvalid, check_result
from worker.slots.runs import Verdict
from worker.texts import clean

_FROM_SLOTS = frozenset(Verdict) - {Verdict.DIED, Verdict.NOT_STARTED}
_MAX_DELAY_SECONDS = 366 * 86_400


def read_verdict(message: dict[str, Any]) -> tuple[Verdict, str, float | None]:
    """Return (verdict, result or error, delay); raises FrameError where it makes no sense."""
    kind = message.get("kind")
    if not isinstance(kind, str) or kind not in _FROM_SLOTS:
        raise FrameError("a frame of no known kind")
    verdict = Verdict(kind)
    if verdict is Verdict.SUCCEEDED:
        try:
            return verdict, check_result(message.get("result")), None
        except ResultInvalid as error:
            return Verdict.RESULT_INVALID, clean(str(error)), None
    text = clean(str(message.get("error", "")))
    if verdict is not Verdict.RETRY_LATER:
        return verdict, text, None
    seconds = message.get("seconds")
    if not _is_number(seconds):
        raise FrameError("a retry_later without seconds")
    return verdict, text, min(max(float(seconds), 0.0), _MAX_DELAY_SECONDS)


def read_told(message: dict[str, Any]) -> tuple[str, str | None, dict[str, Any] | None] | None:
    """Return (kind, message, data) of a progress or log frame, None for any other frame."""
    kind, text, data = message.get("kind"), message.get("message"), message.get("data")
    if kind == "log" and isinstance(text, str):
        return kind, clean(text), None
    if kind == "progress" and isinstance(data, dict):
        return kind, None, _progress(data)
    return None


def took(message: dict[str, Any]) -> float | None:
    """Return the seconds that the slot says the run took, None where it says nothing sane."""
    seconds = message.get("took")
    return float(seconds) if _is_number(seconds) and seconds >= 0 else None


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
