"""What the runner says and counts about its work: a log line and a number for every event."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from app.jobs import Claim
from worker.log import is_logged, log
from worker.outbox import Entry

_EVENTS = {
    "succeed": "succeeded",
    "retry": "retry_scheduled",
    "fail": "failed",
    "release": "released",
    "abort": "cancelled",
    "reject": "rejected",
}


class Journal:
    """Written by the engine, read by whoever asks how the runner is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: Counter[tuple[str, str]] = Counter()
        self._looked_at: float | None = None
        self._is_database_reachable = False
        self._wakes = 0
        self._claims_lost = 0

    def running(self, claims: Sequence[Claim]) -> None:
        """Tell that these claims were made."""
        self._count(Counter([("running", claim.job_type) for claim in claims]))
        if is_logged(logging.INFO):
            for claim in claims:
                _log("running", claim)

    def settled(self, entries: Sequence[Entry]) -> None:
        """Tell how claims ended, once that is committed."""
        ended = [(e, _EVENTS[e.settlement.verb]) for e in entries if e.settlement is not None]
        self._count(Counter([(event, entry.claim.job_type) for entry, event in ended]))
        if is_logged(logging.INFO):
            for entry, event in ended:
                seconds = None if entry.seconds is None else round(entry.seconds, 3)
                _log(event, entry.claim, seconds=seconds)

    def lost(self, claim: Claim) -> None:
        """Tell that the claim was another's already, and that nothing was written."""
        with self._lock:
            self._claims_lost += 1
            self._jobs["claim_lost", claim.job_type] += 1
        _log("claim_lost", claim, level=logging.WARNING)

    def rescued(self, job_ids: list[UUID]) -> None:
        for job_id in job_ids:
            log("rescued", job_id=job_id)

    def looked(self) -> None:
        with self._lock:
            self._looked_at = time.monotonic()

    def woken(self) -> None:
        with self._lock:
            self._wakes += 1

    def database_answered(self) -> None:
        """Note that a call went through; say so if the database was lost before."""
        if not self._is_database_reachable:
            self._is_database_reachable = True
            log("database_reached")

    def database_lost(self, error: psycopg.Error) -> None:
        """Tell that a call failed; no message of libpq, which would name the server."""
        self._is_database_reachable = False
        hint = None
        if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            hint = "the schema is not up to date: ops db upgrade"
        log(
            "database_lost",
            level=logging.WARNING,
            error=type(error).__name__,
            sqlstate=error.sqlstate,
            reason=error.diag.message_primary,
            hint=hint,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values."""
        with self._lock:
            looked_at = self._looked_at
            return {
                "database_reachable": self._is_database_reachable,
                "last_look_seconds": None if looked_at is None else time.monotonic() - looked_at,
                "wakes": self._wakes,
                "claims_lost": self._claims_lost,
                "jobs": [[*key, count] for key, count in self._jobs.items()],
            }

    def _count(self, events: Counter[tuple[str, str]]) -> None:
        with self._lock:
            self._jobs.update(events)


def _log(event: str, claim: Claim, *, level: int = logging.INFO, **more: Any) -> None:
    log(
        event,
        level=level,
        job_id=claim.id,
        job_type=claim.job_type,
        attempt=claim.attempt,
        claim_seq=claim.claim_seq,
        **more,
    )
