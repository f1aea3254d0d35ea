"""How long a failed job waits: exponential, with full jitter so that failures spread out."""

from __future__ import annotations

from collections.abc import Callable

BASE_SECONDS = 2.0
CAP_SECONDS = 600.0
DEFAULT_BACKOFF = BASE_SECONDS, CAP_SECONDS
LONGEST_SECONDS = 366 * 86_400.0


def backoff_seconds(
    attempt: int,
    random: Callable[[], float],
    *,
    base_seconds: float = BASE_SECONDS,
    cap_seconds: float = CAP_SECONDS,
) -> float:
    """Draw the wait after failed attempt number `attempt` (from 1); `random` gives [0, 1)."""
    exponent = min(max(attempt, 1) - 1, 60)
    return random() * min(cap_seconds, base_seconds * 2.0**exponent)
