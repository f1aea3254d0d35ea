"""Moments of the API as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime


def parse(moment: str) -> datetime:
    """Read a moment of the API (ISO 8601 with a zone)."""
    return datetime.fromisoformat(moment)


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from one moment of the API to another."""
    return (parse(end) - parse(start)).total_seconds()


def length(seconds: float) -> str:
    """Return a length of time in at most two units: `0.31s`, `12s`, `4m 10s`, `3d 2h`."""
    if seconds < 10 and seconds != int(seconds):
        return f"{max(seconds, 0):.2f}s"
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return _two_units(whole, 60, "m", 1, "s")
    if whole < 86_400:
        return _two_units(whole, 3600, "h", 60, "m")
    return _two_units(whole, 86_400, "d", 3600, "h")


def _two_units(seconds: int, size: int, unit: str, smaller_size: int, smaller_unit: str) -> str:
    rest = seconds % size // smaller_size
    first = f"{seconds // size}{unit}"
    return f"{first} {rest}{smaller_unit}" if rest else first


def ago(moment: str) -> str:
    """Return how long ago, or in how long, a moment is."""
    seconds = (datetime.now(UTC) - parse(moment)).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{length(round(seconds))} ago" if seconds > 0 else f"in {length(-round(seconds))}"
