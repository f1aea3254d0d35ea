"""What the engine asks of the database besides its exchanges: short calls that it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from app import jobs
from app.jobs import Claim, Look
from worker.clock import Clock
from worker.database import Database
from worker.identity import Identity
from worker.marks import Marks
from worker.orders import Orders
from worker.registry import Registry
from worker.sweeper import Sweeper

if TYPE_CHECKING:
    from config import Settings


class Chores:
    """Each is one call on the database that it is given; errors of psycopg pass through."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        identity: Identity,
        *,
        orders: Orders,
        marks: Marks,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._identity = identity
        self._orders = orders
        self._marks = marks
        self._clock = clock
        self._sweeper = Sweeper(settings, identity.instance)

    @property
    def sweep_at(self) -> float:
        """When the next batch of the retention sweep is due."""
        return self._sweeper.due_at

    def register(self, database: Database, *, slots: int) -> list[Claim]:
        """Say who we are; returns the claims that we hold as the database has it."""
        with database.transaction() as conn:
            jobs.register_runner(
                conn,
                id=self._identity.instance,
                name=self._identity.name,
                host=self._identity.host,
                pid=self._identity.pid,
                version=self._identity.version,
                allowlist=self._registry.allowlist,
                slots=slots,
            )
            if self._orders.shared_limits:
                jobs.declare_limits(conn, list(self._orders.shared_limits))
            return jobs.held_claims(conn, runner_instance=self._identity.instance)

    def look(self, database: Database) -> Look:
        """Ask when there may be work next; the clock learns of its schedules."""
        with database.statement() as conn:
            return self._clock.look(
                conn,
                runner_instance=self._identity.instance,
                allowlist=self._orders.exhausted_types(),
                lanes=self._marks.known(),
                lease_seconds=self._settings.runner_lease_seconds,
            )

    def rescue(self, database: Database) -> list[UUID]:
        """Take back the jobs of runners whose lease ran out."""
        with database.statement() as conn:
            return jobs.rescue(
                conn,
                lease_seconds=self._settings.runner_lease_seconds,
                budget=self._settings.runner_rescue_budget,
                actor=self._identity.actor,
            )

    def sweep(self, database: Database) -> None:
        """Delete one batch of what is past its retention."""
        with database.statement() as conn:
            self._sweeper.sweep(conn)

    def retire(self, database: Database) -> None:
        """Say goodbye; a database that does not hear it sees the lease run out."""
        with database.statement() as conn:
            jobs.retire_runner(conn, runner_instance=self._identity.instance)
