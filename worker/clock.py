"""The runner as the clock of the schedules: it fires what is due, at its time and by itself.

It sleeps until the next schedule is due, which the engine's looks tell it: between them it sends
nothing. Firing has a thread and a connection of its own, so that neither a hundred schedules at
midnight nor one that hangs holds up a claim or a finish.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from app import jobs
from app.jobs import Lane, Look
from app.schedules import fire_due, next_due_in, next_due_query
from worker.backoff import backoff_seconds
from worker.database import Connection, Database
from worker.log import log

if TYPE_CHECKING:
    from config import Settings

_NEVER = float("inf")
_BATCH = 10  # schedules within one deadline of the database
_KEEP_SECONDS = 5.0  # until the next is due, for which the connection is kept
_SHORTEST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0


class Clock:
    """Told by the engine when the next schedule is due; `on_fired` is called where jobs were made.

    With JOBS_ENABLED off there are no schedules, and it does nothing.
    """

    def __init__(self, settings: Settings, *, actor: str, on_fired: Callable[[], None]) -> None:
        self.is_enabled = settings.jobs_enabled
        self._database = Database(settings, application_name="ops-runner-clock")
        self._actor = actor
        self._on_fired = on_fired
        self._condition = threading.Condition()
        self._due_at = _NEVER
        self._resume_at = 0.0
        self._failures = 0
        self._lacks_tables = False
        self._is_ending = False

    def look(
        self,
        conn: Connection,
        *,
        runner_instance: UUID,
        allowlist: Collection[str],
        lanes: Sequence[Lane],
        lease_seconds: float,
    ) -> Look:
        """Make the engine's look, and ask in the same statement when the next schedule is due."""
        ask = partial(
            jobs.look,
            conn,
            runner_instance=runner_instance,
            allowlist=allowlist,
            lanes=lanes,
            lease_seconds=lease_seconds,
        )
        if not self.is_enabled:
            return ask()
        try:
            look = ask(beside=next_due_query())
            self._lacks_tables = False
        except psycopg.errors.UndefinedTable:
            look = ask()  # no reason for the engine to stop where the jobs have their tables
            if not self._lacks_tables:
                log("schedules_missing", level=logging.WARNING, hint="ops db upgrade")
            self._lacks_tables = True
        with self._condition:
            self._due_at = _at(look.beside_in_seconds)
            self._condition.notify()
        return look

    def end(self) -> None:
        """Let `run` return."""
        with self._condition:
            self._is_ending = True
            self._condition.notify()

    def run(self) -> None:
        """Fire until told to end, also while the runner drains: another one may run the jobs."""
        while self._wait_until_due():
            self._fire()
        self._database.drop()

    def _wait_until_due(self) -> bool:
        """Wait; False when it is time to end. What a look tells from then on is kept."""
        with self._condition:
            while not self._is_ending:
                wait_seconds = max(self._due_at, self._resume_at) - time.monotonic()
                if wait_seconds <= 0:
                    self._due_at = _NEVER
                    return True
                self._condition.wait(None if wait_seconds == _NEVER else wait_seconds)
            return False

    def _fire(self) -> None:
        """Fire a batch, and learn when the next is due."""
        try:
            with self._database.statement() as conn:
                fired = fire_due(conn, actor=self._actor, limit=_BATCH)
                due_in = next_due_in(conn)
        except psycopg.Error as error:
            self._database.drop()
            log("clock_failed", level=logging.WARNING, error=type(error).__name__,
                sqlstate=error.sqlstate)  # fmt: skip
            self._pause(0.0)
            return
        for one in fired:
            log("fired", schedule=one.schedule, occurrence_at=one.occurrence_at, job_id=one.job_id)
        if fired:
            self._on_fired()
        if fired or due_in is None or due_in > 0:
            self._failures = 0
            self._next(due_in)
        else:
            # Due, and not ours: another firer has its row.
            self._pause(due_in)
        if due_in is None or due_in > _KEEP_SECONDS:
            self._database.drop()

    def _pause(self, due_in: float) -> None:
        self._failures += 1
        pause = backoff_seconds(
            self._failures, random.random, base_seconds=0.1, cap_seconds=_LONGEST_PAUSE_SECONDS
        )
        self._resume_at = time.monotonic() + max(_SHORTEST_PAUSE_SECONDS, pause)
        self._next(due_in)

    def _next(self, due_in: float | None) -> None:
        """Settle when to come again; a look may meanwhile have told of something sooner."""
        with self._condition:
            self._due_at = min(self._due_at, _at(due_in))


def _at(due_in_seconds: float | None) -> float:
    return _NEVER if due_in_seconds is None else time.monotonic() + due_in_seconds
