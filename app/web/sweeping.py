"""What has to be done now and then, where no cron ticks: by a request, after its own work.

A process does it at most once in ten minutes, so that it costs a job nothing worth measuring.
"""

from __future__ import annotations

import time

import psycopg
import sqlalchemy.exc

from app.jobs import reject_unserved
from app.web.plane import ControlPlane
from app.web.request_log import log_failure

INTERVAL_SECONDS = 600.0
ACTOR = "api"


def sweep_rarely(plane: ControlPlane) -> None:
    """End what nobody serves, if it is time for that; a failure is logged and tried again later."""
    now = time.monotonic()
    if now < plane.sweep.due_at:
        return
    plane.sweep.due_at = now + INTERVAL_SECONDS  # two threads may both come here: no harm
    seconds = plane.settings.reject_unserved_after_seconds
    try:
        with plane.transaction() as conn:
            reject_unserved(conn, after_seconds=seconds, actor=ACTOR)
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        log_failure(error)
