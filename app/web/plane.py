"""What every view needs: the settings, the job types, and the database for one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, cast

from flask import current_app

from app.db.connection import driver_connection
from app.db.deadline import deadline

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from app.jobs.types import JobTypes
    from config import Settings

EXTENSION = "ops_control_plane"


# Whoever waits for a job or follows it holds a thread: not all of a process may be theirs.
MOST_LONG_ANSWERS = 4


@dataclass(slots=True)
class Sweep:
    """When this process clears up next; the first request that makes a job does."""

    due_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One instance for each app; requests in several threads share it."""

    settings: Settings
    job_types: JobTypes
    engine: Engine
    long_answers: BoundedSemaphore = field(
        default_factory=lambda: BoundedSemaphore(MOST_LONG_ANSWERS)
    )
    sweep: Sweep = field(default_factory=Sweep)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Begin; commit at the end of the block. All of it, the commit too, has one deadline.

        For a single statement, too: one that was given up goes on in the server, and by autocommit
        it would come true behind the answer that said it failed.
        """
        with (
            self.engine.connect() as conn,
            deadline(driver_connection(conn), self.settings.database_timeout_seconds),
            conn.begin(),
        ):
            yield conn


def current_plane() -> ControlPlane:
    """Return the control plane of the app that serves this request."""
    return cast(ControlPlane, current_app.extensions[EXTENSION])
