"""Wait for a fact, with a deadline: the one place in the tests that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

POLL_SECONDS = 0.01

Fact = TypeVar("Fact")


def wait_until(predicate: Callable[[], Fact], *, message: str, timeout: float = 10.0) -> Fact:
    """Return the first truthy answer of the predicate; fail with the message and the last one."""
    deadline = time.monotonic() + timeout
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {message} (last: {answer!r})")
        time.sleep(POLL_SECONDS)
    return answer
