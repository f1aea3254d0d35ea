"""The drain of a runner that is told to stop: what is due when, and that it may be given up."""

from __future__ import annotations


class Drain:
    """Handlers may finish until `stop_at`; at `give_up_at` it is over in any case."""

    def __init__(self, *, drain_seconds: float, grace_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self._grace_seconds = grace_seconds
        self.stop_at: float | None = None
        self.give_up_at: float | None = None

    @property
    def is_begun(self) -> bool:
        return self.give_up_at is not None

    def ask(self, now: float) -> None:
        """Begin it; whoever asks again has the handlers stopped at once."""
        self.stop_at = now if self.is_begun else now + self._drain_seconds
        self.give_up_at = self.stop_at + self._grace_seconds

    def take_stop(self, now: float) -> bool:
        """Say whether handlers are to be stopped now, once for each time that they are."""
        is_due = self.stop_at is not None and now >= self.stop_at
        if is_due:
            self.stop_at = None
        return is_due

    def is_given_up(self, now: float) -> bool:
        return self.give_up_at is not None and now >= self.give_up_at
