"""The runner's sign of life: one statement for all claims, and none while it holds no claim."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from app import jobs
from app.jobs import Held
from worker.database import Database
from worker.lease import Lease
from worker.log import log

if TYPE_CHECKING:
    from config import Settings

SHORTEST_INTERVAL_SECONDS = 0.2


class Heartbeat:
    """A thread with its own connection, which it opens only when a beat is due.

    `on_cancel` is called with each claim whose cancel is requested, with every beat until it is
    settled.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        runner_instance: UUID,
        lease: Lease,
        on_cancel: Callable[[Held], None],
    ) -> None:
        self._database = Database(settings, application_name="ops-runner-heartbeat")
        self._interval_seconds = settings.runner_heartbeat_seconds
        self._runner_instance = runner_instance
        self._lease = lease
        self._on_cancel = on_cancel
        self._condition = threading.Condition()
        self._held = 0
        self._held_since = 0.0
        self._is_woken = False
        self._is_ending = False

    def holding(self, held: int) -> None:
        """Tell how many claims are held now."""
        with self._condition:
            is_change = bool(held) != bool(self._held)
            self._held = held
            if is_change:
                self._condition.notify()

    def wake(self) -> None:
        """Beat now if anything is held: a wake-up may tell of a cancel."""
        with self._condition:
            if self._held:
                self._is_woken = True
                self._condition.notify()

    def end(self) -> None:
        """Let `run` return."""
        with self._condition:
            self._is_ending = True
            self._condition.notify()

    def run(self) -> None:
        """Beat while anything is held, until told to end."""
        while self._wait_for_claims():
            beaten_at = self._lease.now()
            next_at = min(beaten_at, self._lease.renewed_at) + self._interval_seconds
            while self._wait_until(next_at, beaten_at):
                beaten_at = self._lease.now()
                next_at = beaten_at + self._interval_seconds * self._beat()
            self._database.drop()

    def _wait_for_claims(self) -> bool:
        """Wait until something is held; False when it is time to end."""
        with self._condition:
            self._condition.wait_for(lambda: self._held or self._is_ending)
            self._is_woken = False
            return not self._is_ending

    def _wait_until(self, next_at: float, beaten_at: float) -> bool:
        """Wait for the next beat; False when nothing is held any more, or it is time to end."""
        with self._condition:
            while self._held and not self._is_ending:
                due_at = next_at
                if self._is_woken:
                    due_at = min(due_at, beaten_at + SHORTEST_INTERVAL_SECONDS)
                wait_seconds = due_at - self._lease.now()
                if wait_seconds <= 0:
                    self._is_woken = False
                    return True
                self._condition.wait(wait_seconds)
            return False

    def _beat(self) -> float:
        """Renew all claims; returns the share of the interval after which to come again."""
        sent_at = self._lease.now()
        try:
            with self._database.statement() as conn:
                cancelled = jobs.heartbeat(conn, runner_instance=self._runner_instance)
        except psycopg.Error as error:
            self._database.drop()
            log("heartbeat_failed", error=type(error).__name__, sqlstate=error.sqlstate)
            return 0.1 + 0.2 * random.random()  # noqa: S311 - there is a lease to keep
        self._lease.renewed(sent_at)
        for held in cancelled:
            self._on_cancel(held)
        return 1.0
