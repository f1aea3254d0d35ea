"""What a handler raises to steer its job; any other exception is a failed attempt."""

from __future__ import annotations


class RetryLater(Exception):
    """Give this attempt up and try again after `seconds`; it counts as an attempt."""

    def __init__(self, seconds: float, reason: str = "the handler asked to be run again later"):
        if not 0 <= seconds <= 366 * 86_400:
            raise ValueError("RetryLater takes between 0 seconds and one year")
        super().__init__(reason)
        self.seconds = float(seconds)
        self.reason = reason


class GiveUp(Exception):
    """Fail the job now, whatever attempts are left."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class JobCancelled(Exception):
    """Raised inside a handler by `job.raise_if_cancelled()` once the runner asked it to stop."""
