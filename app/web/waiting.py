"""Waits for a job to be final, where the caller prefers that to an answer at once (RFC 7240)."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from uuid import UUID

import psycopg
import sqlalchemy.exc
from flask import request

from app.jobs import get_job, get_status
from app.web.creation import Creation
from app.web.errors import FieldError, Problem
from app.web.plane import ControlPlane
from app.web.request_log import log_failure

LONGEST_SECONDS = 25
PREFER = {"Prefer": "`wait=N`: answer when the job is final, or after N seconds (25 at most)."}
APPLIED = {"Preference-Applied": "`wait=N`, where that was asked for and done."}

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.5
_WAIT = re.compile(r"wait[ \t]*=[ \t]*(?P<seconds>[0-9]{1,6})", re.ASCII | re.IGNORECASE)


def read_wait() -> int | None:
    """Return the seconds that the caller would wait; preferences we do not know are ignored.

    Raises Problem where `wait` has no whole number of seconds.
    """
    for preference in request.headers.get("Prefer", "").split(","):
        wanted = preference.partition(";")[0].strip()
        if re.match(r"wait\b", wanted, re.ASCII | re.IGNORECASE):
            match = _WAIT.fullmatch(wanted)
            if match is None:
                error = FieldError("invalid", "Expected wait=SECONDS.", header="Prefer")
                raise Problem("invalid_header", errors=[error])
            return min(int(match["seconds"]), LONGEST_SECONDS)
    return None


def wait_until_final(plane: ControlPlane, job_id: UUID, seconds: int | None) -> dict[str, str]:
    """Look at the job again and again until it is final or the time is over.

    Returns the header that says so; none where nothing was asked for, or where too many wait
    already. No connection is held between two looks.
    """
    if seconds is None or not plane.long_answers.acquire(blocking=False):
        return {}
    try:
        ends_at = time.monotonic() + seconds
        pause = _FIRST_PAUSE_SECONDS
        while (left := ends_at - time.monotonic()) > 0:
            with plane.transaction() as conn:
                if get_status(conn, job_id).is_final:
                    break
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
    finally:
        plane.long_answers.release()
    return {"Preference-Applied": f"wait={seconds}"}


def wait_for_outcome(
    plane: ControlPlane, creation: Creation, seconds: int | None
) -> tuple[Creation, dict[str, str]]:
    """Wait for a job that was made; returns it as it is then, and the header that says so.

    It is committed: a database that fails meanwhile must not make the answer an error.
    """
    job_id = creation.job.id
    try:
        waited = wait_until_final(plane, job_id, seconds)
        if not waited:
            return creation, {}
        with plane.transaction() as conn:
            job = replace(get_job(conn, job_id), is_new=creation.job.is_new)
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        log_failure(error)
        return creation, {}
    return replace(creation, job=job), waited
