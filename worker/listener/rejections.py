"""Records that we were told to run what we may not: the listener's one call to the database."""

from __future__ import annotations

import logging
from uuid import UUID

import psycopg

from app import jobs
from app.db.connection import connect
from app.db.deadline import deadline
from app.jobs import Held
from worker.listener.setup import Setup
from worker.log import log

# The control plane waits about two seconds for the answer to a wake-up.
REJECTION_SECONDS = 1.5


def reject(job_id: UUID, setup: Setup) -> None:
    """Reject a job; its own type decides, whatever the wake-up said of it."""
    try:
        opened = connect(
            setup.database_url,
            prepare=False,
            timeout_seconds=REJECTION_SECONDS,
            application_name="ops-runner-listener",
        )
        with opened as conn, deadline(conn, REJECTION_SECONDS):
            rejected = jobs.reject(
                conn, [Held(job_id, None)], allowlist=setup.allowlist, actor=setup.actor
            )
    except psycopg.Error as error:
        log("rejection_not_recorded", level=logging.WARNING, error=type(error).__name__)
        return
    for each in rejected:
        log("rejected", job_id=each)
