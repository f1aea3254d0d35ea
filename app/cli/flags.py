"""What a flag needs beside itself, to do anything."""

from __future__ import annotations

from collections.abc import Callable

_NEEDS = {
    "RUNNER_ENABLED": ("RUNNER_URL", "RUNNER_TOKEN_OUTBOUND"),
    "JOBS_ENABLED": ("CRON_SECRET",),
}


def find_lacks(
    is_on: Callable[[str], bool], is_set: Callable[[str], bool]
) -> list[tuple[str, str]]:
    """Return each flag that is on with a setting that it needs and that is not set."""
    return [
        (flag, needed)
        for flag, names in _NEEDS.items()
        for needed in names
        if is_on(flag) and not is_set(needed)
    ]
