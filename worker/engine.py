"""The engine: claims jobs, hands them to the slots, and writes down how they ended.

One thread with one connection. What other threads tell it waits in an inbox; what it could not
write is kept until the database has it. A call that failed may have been committed all the same:
then the claims are compared with the database's, never simply sent again.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from app import jobs
from app.jobs import Claim, Lane, Limit
from worker.agenda import NEVER, Agenda
from worker.backoff import backoff_seconds
from worker.clock import Clock
from worker.database import Connection, Database
from worker.dispatch import Dispatcher
from worker.heartbeat import Heartbeat
from worker.identity import Identity
from worker.journal import Journal
from worker.lanes import Lanes
from worker.lease import Lease
from worker.ledger import Ledger
from worker.pace import Pace
from worker.registry import Registry
from worker.settle import Settlement, release
from worker.slots.kinds import Kind
from worker.slots.runs import NOT_STARTED_AFTER_SECONDS, Ended, StopReason, Told, Verdict
from worker.slots.slots import Slots
from worker.sweeper import Sweeper

if TYPE_CHECKING:
    from config import Settings

RECONNECT_CAP_SECONDS = 5.0
MOST_PER_CLAIM = 500


class Room(NamedTuple):
    """How many jobs of these types there are places for, in one kind of slot.

    All places are for `short` types; jobs of the others may take as many as there are `free` slots.
    """

    kind: Kind
    job_types: tuple[str, ...]
    short: frozenset[str]
    free: int
    places: int


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
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._identity = identity
        self._lease = lease
        self._journal = journal
        self._clock = clock
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
        self._sweeper = Sweeper(settings, identity.instance)
        self._dispatcher = Dispatcher(
            self._database,
            registry,
            timeout_seconds=settings.job_timeout_seconds,
            memory_bytes=settings.runner_memory_bytes,
        )
        self._kinds = registry.kinds
        specs = {job_type: registry.specs[job_type] for job_type in registry.allowlist}
        self._shared_limits = [name for name, spec in specs.items() if spec.limit is not None]
        self._own_limits = {
            name: spec.max_running_here
            for name, spec in specs.items()
            if spec.max_running_here is not None
        }
        self._pace = Pace()
        self._condition = threading.Condition()
        self._inbox: deque[Ended | Told] = deque()
        self._is_waiting = False
        self._is_woken = False
        self._is_draining = False
        self._is_claiming = False
        self._compare_at = [0.0]
        self._failures = 0
        self._resume_at = 0.0
        self._lanes = {kind: Lanes() for kind in self._kinds}
        self._turn = 0
        self._is_filled = False
        self.slots: Slots

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
        """A run ended, or its handler said something.

        The lock is taken only for an engine that waits: it looks into the inbox once more after it
        said that it will.
        """
        self._inbox.append(news)
        if self._is_waiting:
            with self._condition:
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
            self._is_waiting = True
            while not self._inbox:
                if self._is_woken:
                    self._is_woken = False
                    self._agenda.woken()
                if self._is_draining and not self._ledger.outbox:
                    break
                wait_seconds = self._due_at() - time.monotonic()
                if wait_seconds <= 0:
                    break
                self._condition.wait(None if wait_seconds == NEVER else wait_seconds)
            self._is_waiting = False

    def _due_at(self) -> float:
        """Return when there is something to say to the database."""
        times = [*self._compare_at, self._ledger.outbox.due_at]
        if not self._is_draining:
            times += (self._agenda.next_at, self._sweeper.due_at)
            if any(room.places > 0 for room in self._rooms()):
                times.append(self._agenda.claim_at)
        return max(min(times), self._resume_at)

    def _rooms(self) -> list[Room]:
        """Return what may be claimed now, for each kind of slot.

        A slot at a short run counts as free: it is so in a moment.
        """
        running = self._ledger.outbox.running
        rooms = []
        for kind, job_types in self._kinds.items():
            short = self._pace.short(job_types)
            held = sum(running[job_type] for job_type in job_types)
            held_short = sum(running[job_type] for job_type in short)
            free = self.slots.capacity(kind) - (held - held_short)
            places = min(free + self._pace.ahead(short, free) - held_short, MOST_PER_CLAIM)
            rooms.append(Room(kind, self._open(job_types), short, min(free, places), places))
        return [room for room in rooms if room.job_types]

    def _open(self, job_types: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out the types of which this runner has as many as it may."""
        if not self._own_limits:
            return job_types
        running = self._ledger.outbox.running
        return tuple(t for t in job_types if running[t] < self._own_limits.get(t, running[t] + 1))

    def _take_inbox(self) -> None:
        seen = set()
        while self._inbox:
            news = self._inbox.popleft()
            if isinstance(news, Told):
                self._ledger.told(news)
                continue
            self._ledger.ended(news, is_draining=self._is_draining)
            waited_in_vain = news.verdict is Verdict.NOT_STARTED and news.stop is None
            seconds = NOT_STARTED_AFTER_SECONDS if waited_in_vain else news.seconds
            self._pace.took(news.run.job_type, seconds)
            seen.add(news.run.job_type)
        self._pace.seen(seen)
        if not seen.isdisjoint(self._own_limits) or not seen.isdisjoint(self._shared_limits):
            self._agenda.due_in(0.0)  # what was held back by its limit may be claimed now

    def _serve(self) -> None:
        """Do what is due, in one transaction where that can be."""
        now = time.monotonic()
        if any(at <= now for at in self._compare_at):
            self._compare()
        is_time = not self._is_draining and self._agenda.claim_at <= now
        rooms = [room for room in self._rooms() if room.places > 0] if is_time else []
        if rooms or self._ledger.outbox.due_at <= now:
            self._exchange(rooms)
        if self._is_draining:
            return
        if self._sweeper.due_at <= now:
            with self._database.statement() as conn:
                self._sweeper.sweep(conn)
        if self._agenda.rescue_at <= now:
            self._rescue()
        elif self._agenda.look_at <= time.monotonic():
            self._look()

    def _exchange(self, rooms: list[Room]) -> None:
        """Write what is due, and claim for the free slots in the same breath."""
        sent_at = self._lease.now()
        self._is_claiming = bool(rooms)
        self._is_filled = False
        claims = self._ledger.deliver((lambda conn: self._claim(conn, rooms)) if rooms else None)
        self._is_claiming = False
        self._journal.database_answered()
        if rooms:
            self._agenda.claimed(len(claims), is_filled=self._is_filled)
        if claims:
            self._lease.claimed(sent_at)
            self._begin(claims)

    def _claim(self, conn: Connection, rooms: list[Room]) -> list[Claim]:
        """Claim for each kind of slot that has room, within the bounds of the job types.

        What a claim from the front finds may be long, so it brings no more than there are free
        slots. More than that comes from the lanes that it found, where they are of short types.
        """
        claims: list[Claim] = []
        self._turn += 1
        for room in rooms:
            known = self._lanes[room.kind].known()
            short = [lane for lane in known or () if lane.job_type in room.short]
            places = room.places
            if known is None or len(short) < len(known):
                taken = self._claim_from(known, room, room.free, conn, claims)
                claims += taken
                places -= len(taken)
            if short and places > 0:
                claims += self._claim_from(short, room, places, conn, claims)
        return claims

    def _claim_from(
        self,
        lanes: list[Lane] | None,
        room: Room,
        places: int,
        conn: Connection,
        before: list[Claim],
    ) -> list[Claim]:
        begun_at = time.monotonic()
        taken = jobs.claim(
            conn,
            runner_instance=self._identity.instance,
            actor=self._identity.actor,
            allowlist=room.job_types,
            limit=places,
            turn=self._turn,
            lanes=lanes,
            limits=self._limits(room.job_types, before),
        )
        is_filled = len(taken) == places
        self._lanes[room.kind].claimed(
            taken,
            was_full=lanes is None,
            is_filled=is_filled,
            seconds=time.monotonic() - begun_at,
        )
        self._is_filled = self._is_filled or is_filled
        return taken

    def _limits(self, job_types: tuple[str, ...], before: list[Claim]) -> list[Limit]:
        """Return the bounds of these types, with what this runner itself has left of them.

        `before` has the claims of this very transaction, which are not held yet.
        """
        limits = []
        for job_type in job_types:
            spec = self._registry.specs[job_type]
            if spec.max_running_here is not None:
                held = self._ledger.outbox.running[job_type]
                held += sum(claim.job_type == job_type for claim in before)
                limit = spec.limit or Limit(job_type=job_type)
                limits.append(replace(limit, most_now=spec.max_running_here - held))
            elif spec.limit is not None:
                limits.append(spec.limit)
        return limits

    def _begin(self, claims: list[Claim]) -> None:
        """Start the handlers of claims, or settle those that must not be started."""
        self._ledger.open(claims)
        runs = []
        for claim in claims:
            expected = self._pace.expected(claim.job_type)
            plan = release(claim) if self._is_draining else self._dispatcher.plan(claim, expected)
            if isinstance(plan, Settlement):
                self._ledger.settle_unstarted(claim, plan)
            else:
                runs.append(plan)
        if runs:
            self.slots.submit(runs)

    def _stop_lost(self, claim: Claim) -> None:
        self.slots.stop(claim.id, claim.claim_seq, StopReason.CLAIM_LOST)

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
                slots=sum(self.slots.capacity(kind) for kind in self._kinds),
            )
            if self._shared_limits:
                jobs.declare_limits(conn, self._shared_limits)
            held = jobs.held_claims(conn, runner_instance=self._identity.instance)
        self._lease.renewed(sent_at)
        self._journal.database_answered()
        self._compare_at = [at for at in self._compare_at if at > time.monotonic()] + [NEVER]
        self._begin(self._ledger.compare(held))

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
                allowlist=self._open(self._registry.allowlist),
                lease_seconds=self._settings.runner_lease_seconds,
            )
            self._clock.look(conn)
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
