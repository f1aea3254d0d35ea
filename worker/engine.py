"""The engine: claims jobs, hands them to the slots, and writes down how they ended.

One thread with one connection. What other threads tell it waits in an inbox; what it could not
write is kept until the database has it. A call that failed may have been committed all the same:
then the claims are compared with the database's, never simply sent again.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import psycopg

from app import jobs
from app.jobs import Claim
from worker.agenda import NEVER, Agenda
from worker.backoff import backoff_seconds
from worker.database import Connection, Database
from worker.dispatch import Dispatcher
from worker.heartbeat import Heartbeat
from worker.identity import Identity
from worker.journal import Journal
from worker.lease import Lease
from worker.ledger import Ledger
from worker.registry import Registry
from worker.settle import Settlement, release
from worker.slots.pool import Pool
from worker.slots.runs import Ended, StopReason, Told

if TYPE_CHECKING:
    from config import Settings

RECONNECT_CAP_SECONDS = 5.0


class Engine:
    """Claims, settles, looks and rescues until it is drained."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        identity: Identity,
        *,
        lease: Lease,
        heartbeat: Heartbeat,
        journal: Journal,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._identity = identity
        self._lease = lease
        self._journal = journal
        self._database = Database(settings, application_name="ops-runner")
        self._agenda = Agenda(
            look_seconds=settings.runner_look_seconds, lease_seconds=settings.runner_lease_seconds
        )
        self._ledger = Ledger(
            self._database,
            registry,
            identity,
            journal,
            on_lost=self._stop_lost,
            on_held=heartbeat.holding,
            on_queued=self._agenda.due_in,
        )
        self._dispatcher = Dispatcher(self._database, registry, settings.job_timeout_seconds)
        self._condition = threading.Condition()
        self._inbox: list[Ended | Told] = []
        self._is_woken = False
        self._is_draining = False
        self._is_claiming = False
        self._compare_at = [0.0]
        self._failures = 0
        self._resume_at = 0.0
        self._turn = 0
        self.pool: Pool

    # -- told by other threads -------------------------------------------------------------------

    def wake(self) -> None:
        """There may be work."""
        self._journal.woken()
        with self._condition:
            self._is_woken = True
            self._condition.notify()

    def drain(self) -> None:
        """Claim no more; `run` returns when nothing is held."""
        with self._condition:
            self._is_draining = True
            self._condition.notify()

    def tell(self, news: Ended | Told) -> None:
        """A run ended, or its handler said something."""
        with self._condition:
            self._inbox.append(news)
            self._condition.notify()

    @property
    def held(self) -> int:
        """How many claims it holds."""
        return len(self._ledger.outbox)

    def capacity_changed(self) -> None:
        """The pool has more or fewer slots than before."""
        with self._condition:
            self._condition.notify()

    # -- the thread ------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until drained and nothing is held."""
        while not self._is_done():
            self._wait_until_due()
            self._take_inbox()
            if time.monotonic() < self._resume_at:
                continue
            try:
                self._serve()
            except psycopg.Error as error:
                self._lose_database(error)
            else:
                self._failures = 0
        self._retire()

    def _is_done(self) -> bool:
        with self._condition:
            return self._is_draining and not self._inbox and not self._ledger.outbox

    def _wait_until_due(self) -> None:
        with self._condition:
            while not self._inbox:
                if self._is_woken:
                    self._is_woken = False
                    self._agenda.woken()
                if self._is_draining and not self._ledger.outbox:
                    return
                wait_seconds = self._due_at() - time.monotonic()
                if wait_seconds <= 0:
                    return
                self._condition.wait(None if wait_seconds == NEVER else wait_seconds)

    def _due_at(self) -> float:
        """Return when there is something to say to the database."""
        times = [*self._compare_at, self._ledger.outbox.due_at]
        if not self._is_draining:
            times.append(self._agenda.next_at)
            if self._free_slots() > 0:
                times.append(self._agenda.claim_at)
        return max(min(times), self._resume_at)

    def _free_slots(self) -> int:
        return self.pool.capacity - len(self._ledger.outbox.unsettled())

    def _take_inbox(self) -> None:
        with self._condition:
            news, self._inbox = self._inbox, []
        for item in news:
            if isinstance(item, Told):
                self._ledger.told(item)
            else:
                self._ledger.ended(item, is_draining=self._is_draining)

    def _serve(self) -> None:
        """Do what is due, in one transaction where that can be."""
        now = time.monotonic()
        if any(at <= now for at in self._compare_at):
            self._compare()
        is_time = not self._is_draining and self._agenda.claim_at <= now
        limit = max(0, self._free_slots()) if is_time else 0
        if limit or self._ledger.outbox.due_at <= now:
            self._exchange(limit)
        if self._is_draining:
            return
        if self._agenda.rescue_at <= now:
            self._rescue()
        elif self._agenda.look_at <= time.monotonic():
            self._look()

    def _exchange(self, limit: int) -> None:
        """Write what is due, and claim for the free slots in the same breath."""
        sent_at = self._lease.now()
        self._is_claiming = limit > 0
        claims = self._ledger.deliver((lambda conn: self._claim(conn, limit)) if limit else None)
        self._is_claiming = False
        self._journal.database_answered()
        if limit:
            self._agenda.claimed(len(claims), limit)
        if claims:
            self._lease.claimed(sent_at)
        for claim in claims:
            self._begin(claim)

    def _claim(self, conn: Connection, limit: int) -> list[Claim]:
        self._turn += 1
        return jobs.claim(
            conn,
            runner_instance=self._identity.instance,
            actor=self._identity.actor,
            allowlist=self._registry.allowlist,
            limit=limit,
            turn=self._turn,
        )

    def _begin(self, claim: Claim) -> None:
        """Start the handler of a claim, or settle it where that must not be."""
        self._ledger.open(claim)
        plan = release(claim) if self._is_draining else self._dispatcher.plan(claim)
        if isinstance(plan, Settlement):
            self._ledger.settle_unstarted(claim, plan)
        else:
            self.pool.submit(plan)

    def _stop_lost(self, claim: Claim) -> None:
        self.pool.stop(claim.id, claim.claim_seq, StopReason.CLAIM_LOST)

    def _compare(self) -> None:
        """Say who we are, and compare the claims that we hold with those the database knows of.

        What it has and we have not was claimed by a call whose answer was lost: it is run now. What
        we have and it has not was rescued from us.
        """
        sent_at = self._lease.now()
        with self._database.transaction() as conn:
            jobs.register_runner(
                conn,
                id=self._identity.instance,
                name=self._identity.name,
                host=self._identity.host,
                pid=self._identity.pid,
                version=self._identity.version,
                allowlist=self._registry.allowlist,
                slots=self._settings.runner_slots,
            )
            held = jobs.held_claims(conn, runner_instance=self._identity.instance)
        self._lease.renewed(sent_at)
        self._journal.database_answered()
        self._compare_at = [at for at in self._compare_at if at > time.monotonic()] + [NEVER]
        for claim in self._ledger.compare(held):
            self._begin(claim)

    def _rescue(self) -> None:
        with self._database.statement() as conn:
            rescued = jobs.rescue(
                conn,
                lease_seconds=self._settings.runner_lease_seconds,
                budget=self._settings.runner_rescue_budget,
                actor=self._identity.actor,
            )
        self._agenda.rescued()
        self._journal.rescued(rescued)

    def _look(self) -> None:
        with self._database.statement() as conn:
            look = jobs.look(
                conn,
                runner_instance=self._identity.instance,
                allowlist=self._registry.allowlist,
                lease_seconds=self._settings.runner_lease_seconds,
            )
        self._agenda.looked(look)
        self._journal.looked()

    def _lose_database(self, error: psycopg.Error) -> None:
        """Let the connection go and come again later; what was sent may have been committed."""
        self._database.drop()
        self._journal.database_lost(error)
        now = time.monotonic()
        self._failures += 1
        pause = backoff_seconds(
            self._failures, random.random, base_seconds=0.1, cap_seconds=RECONNECT_CAP_SECONDS
        )
        self._resume_at = now + max(0.02, pause)
        if self._is_claiming or self._ledger.outbox:
            self._compare_at.append(now)
        if self._is_claiming:
            # Behind a pooler the server may still be at it, and commit after we have compared.
            self._compare_at.append(now + self._settings.database_timeout_seconds)
            self._compare_at.append(now + self._settings.runner_lease_seconds)
        self._is_claiming = False
        self._ledger.outbox.doubt()

    def _retire(self) -> None:
        """Say goodbye; a database that does not hear it sees the lease run out."""
        try:
            with self._database.statement() as conn:
                jobs.retire_runner(conn, runner_instance=self._identity.instance)
        except psycopg.Error as error:
            self._journal.database_lost(error)
        self._database.drop()
