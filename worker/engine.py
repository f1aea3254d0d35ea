"""The engine: claims jobs, hands them to the slots, and writes down how they ended.

One thread, which waits for no exchange with the database while it holds a job: two callers make
them, each on its own connection, so that one is under way while the handlers of the other's jobs
run. What other threads tell the engine waits in an inbox; what could not be written is kept until
the database has it. A call that failed may have been committed all the same: then the claims are
compared with the database's, never simply sent again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import psycopg

from app.jobs import Claim
from worker.agenda import NEVER, Agenda
from worker.caller import Answer, Caller, Callers
from worker.chores import Chores
from worker.clock import Clock
from worker.database import Database
from worker.dispatch import Dispatcher
from worker.exchange import Exchange, Exchanger
from worker.heartbeat import Heartbeat
from worker.identity import Identity
from worker.inbox import Inbox
from worker.journal import Journal
from worker.lease import Lease
from worker.ledger import Ledger
from worker.marks import Marks
from worker.orders import Order, Orders, Taken
from worker.outbox import Parcel
from worker.pace import Pace
from worker.recovery import Recovery
from worker.registry import Registry
from worker.settle import Settlement, release
from worker.slots.runs import NOT_STARTED_AFTER_SECONDS, Ended, Run, StopReason, Told, Verdict
from worker.slots.slots import Slots

if TYPE_CHECKING:
    from config import Settings

CALLERS = 2
BESIDE = 100  # settlements that are worth an exchange beside the one that is under way


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
        self._inbox: Inbox[Answer[Exchange, list[Taken]]] = Inbox()
        self._callers: Callers[Exchange, list[Taken]] = Callers(
            settings,
            CALLERS,
            make=Exchanger(registry, identity).make,
            on_answer=self._inbox.answer,
        )
        self._recovery = Recovery(
            database_timeout_seconds=settings.database_timeout_seconds,
            lease_seconds=settings.runner_lease_seconds,
        )
        self._agenda = Agenda(
            look_seconds=settings.runner_look_seconds, lease_seconds=settings.runner_lease_seconds
        )
        self._ledger = Ledger(
            registry,
            journal,
            on_lost=self._stop_lost,
            on_held=heartbeat.holding,
            on_queued=self._agenda.due_in,
        )
        self._dispatcher = Dispatcher(
            registry,
            timeout_seconds=settings.job_timeout_seconds,
            memory_bytes=settings.runner_memory_bytes,
        )
        self._pace = Pace()
        self._marks = Marks(longest_rest_seconds=settings.runner_look_seconds)
        self._orders = Orders(
            registry,
            self._pace,
            marks=self._marks,
            running=self._ledger.outbox.running,
            capacity=lambda kind: self.slots.capacity(kind),
        )
        self._chores = Chores(
            settings, registry, identity, orders=self._orders, marks=self._marks, clock=clock
        )
        self._is_claiming = False
        self._turn = 0
        self.slots: Slots

    # -- told by other threads -------------------------------------------------------------------

    def wake(self) -> None:
        """There may be work."""
        self._journal.woken()
        self._inbox.wake()

    def drain(self) -> None:
        """Claim no more; `run` returns when nothing is held."""
        self._inbox.drain()

    def tell(self, news: Ended | Told) -> None:
        """A run ended, or its handler said something."""
        self._inbox.tell(news)

    def capacity_changed(self) -> None:
        """The pool has more or fewer slots than before."""
        self._inbox.nudge()

    @property
    def held(self) -> int:
        """How many claims it holds."""
        return len(self._ledger.outbox)

    # -- the thread ------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until drained and nothing is held."""
        while not self._is_done():
            self._inbox.wait(self._awaits, on_wake=self._agenda.woken)
            self._take_news()
            self._take_answers()
            if self._recovery.is_pausing:
                continue
            try:
                self._serve()
            except psycopg.Error as error:
                self._lose_database(error, has_claimed=False)
        self._retire()

    def _is_done(self) -> bool:
        return self._inbox.is_draining and not (
            self._inbox or self._callers.are_busy or self._ledger.outbox
        )

    def _awaits(self) -> tuple[float, float]:
        """Return how much news, and which time, there is something to do at."""
        are_busy, outbox = self._callers.are_busy, self._ledger.outbox
        if self._is_done():
            return 1, 0.0
        if self._callers.free is None or (are_busy and self._recovery.is_comparing):
            return NEVER, NEVER
        times = [self._recovery.compare_at]
        if not are_busy:
            times.append(outbox.due_at)
        elif outbox.ready >= BESIDE:
            times.append(0.0)
        if not self._inbox.is_draining:
            times.append(self._agenda.claim_at)
            if not self._callers.first.is_busy:
                times += (self._agenda.next_at, self._chores.sweep_at)
            if not self._is_claiming and self._orders.make():
                times.append(0.0)
        news = max(1, BESIDE - outbox.ready) if are_busy else 1
        return news, max(min(times), self._recovery.resume_at)

    def _take_news(self) -> None:
        seen = set()
        while self._inbox.news:
            news = self._inbox.news.popleft()
            if isinstance(news, Told):
                self._ledger.told(news)
                continue
            self._ledger.ended(news, is_draining=self._inbox.is_draining)
            waited_in_vain = news.verdict is Verdict.NOT_STARTED and news.stop is None
            seconds = NOT_STARTED_AFTER_SECONDS if waited_in_vain else news.seconds
            self._pace.took(news.run.job_type, seconds)
            seen.add(news.run.job_type)
        self._pace.seen(seen)
        if self._orders.are_limited(seen):
            self._agenda.due_in(0.0)  # what was held back by its limit may be claimed now

    def _serve(self) -> None:
        """Begin what is due, beside the exchange that may be under way."""
        if self._recovery.is_comparing:
            if self._callers.are_busy:
                return
            self._compare()
        self._begin_exchanges()
        if self._inbox.is_draining or self._callers.first.is_busy:
            return
        database = self._callers.first.database
        if self._chores.sweep_at <= time.monotonic():
            self._chores.sweep(database)
        if self._agenda.rescue_at <= time.monotonic():
            rescued = self._chores.rescue(database)
            self._database_answered()
            self._agenda.rescued()
            self._journal.rescued(rescued)
        elif self._agenda.look_at <= time.monotonic():
            self._look(database)

    # -- exchanges -------------------------------------------------------------------------------

    def _begin_exchanges(self) -> None:
        """Write what is due, and claim for the free slots.

        Both are one exchange, unless there is much to write: that is under way beside the claim.
        """
        caller, now, outbox = self._callers.free, time.monotonic(), self._ledger.outbox
        if caller is None:
            return
        if self._agenda.take_claim():
            self._orders.expect()
        may_claim = not (self._is_claiming or self._inbox.is_draining)
        orders: Sequence[Order] = self._orders.make() if may_claim else ()
        is_much = outbox.ready >= BESIDE
        if is_much or (not self._callers.are_busy and outbox.due_at <= now):
            self._begin_exchange(caller, self._ledger.take(), () if is_much else orders)
            orders = orders if is_much else ()
            caller = self._callers.free
        if orders and caller is not None:
            self._begin_exchange(caller, Parcel((), (), ()), orders)

    def _begin_exchange(
        self, caller: Caller[Exchange, list[Taken]], parcel: Parcel, orders: Sequence[Order]
    ) -> None:
        self._turn += 1
        self._is_claiming = self._is_claiming or bool(orders)
        self._orders.begin(orders)
        exchange = Exchange(parcel, orders, self._turn, self._lease.now())
        if self._ledger.outbox:
            caller.begin(exchange)
        else:
            caller.make_now(exchange)  # no handler runs meanwhile; a thread less is woken

    def _take_answers(self) -> None:
        while self._inbox.answers:
            caller, exchange, taken, error = self._inbox.answers.popleft()
            caller.done()
            self._is_claiming = self._is_claiming and not exchange.orders
            self._ledger.answered(exchange.parcel)
            if taken is not None:
                self._database_answered()
                self._take(caller.database, exchange, taken)
            elif isinstance(error, psycopg.Error):
                if not all(order.lanes for order in exchange.orders):
                    self._marks.walked(self._lease.now() - exchange.sent_at)
                self._lose_database(error, has_claimed=bool(exchange.orders))
            elif error is not None:
                raise error

    def _take(self, database: Database, exchange: Exchange, taken: Sequence[Taken]) -> None:
        """Learn from what an exchange brought, and start it."""
        claims = [claim for one in taken for claim in one.claims]
        if exchange.orders:
            self._agenda.claimed(len(claims), is_exhausted=self._orders.took(taken))
        elif self._orders.are_limited(e.claim.job_type for e in exchange.parcel.sent):
            self._agenda.due_in(0.0)
        if claims:
            self._lease.claimed(exchange.sent_at)
            self._begin(database, claims)

    def _begin(self, database: Database, claims: Sequence[Claim]) -> None:
        """Start the handlers of claims, or settle those that must not be started."""
        self._ledger.open(claims)
        runs: list[Run] = []
        for claim in claims:
            if self._inbox.is_draining:
                plan: Run | Settlement = release(claim)
            else:
                expected = self._pace.expected(claim.job_type)
                plan = self._dispatcher.plan(database, claim, expected)
            if isinstance(plan, Run):
                runs.append(plan)
            else:
                self._ledger.settle_unstarted(claim, plan)
        if runs:
            self.slots.submit(runs)

    def _stop_lost(self, claim: Claim) -> None:
        self.slots.stop(claim.id, claim.claim_seq, StopReason.CLAIM_LOST)

    # -- other calls, which the engine waits for -------------------------------------------------

    def _compare(self) -> None:
        """Compare the claims that we hold with those the database knows of.

        What it has and we have not was claimed by a call whose answer was lost: it is run now. What
        we have and it has not was rescued from us. Nothing is under way meanwhile.
        """
        sent_at, database = self._lease.now(), self._callers.first.database
        slots = sum(self.slots.capacity(kind) for kind in self._registry.kinds)
        held = self._chores.register(database, slots=slots)
        self._marks.connected(database.server_version)
        self._lease.renewed(sent_at)
        self._database_answered()
        self._recovery.compared()
        self._begin(database, self._ledger.compare(held))

    def _look(self, database: Database) -> None:
        look = self._chores.look(database)
        self._database_answered()
        self._agenda.looked(look)
        if self._marks.walk_in_seconds is not None:
            self._agenda.due_in(self._marks.walk_in_seconds)
        self._journal.looked()
        if not (self._callers.are_busy or self._ledger.outbox):
            self._callers.drop_further()

    def _database_answered(self) -> None:
        self._recovery.answered()
        self._journal.database_answered()

    def _lose_database(self, error: psycopg.Error, *, has_claimed: bool) -> None:
        """Let connections go and come again later."""
        self._callers.drop()
        self._journal.database_lost(error)
        self._recovery.lost(has_claimed=has_claimed, holds=bool(self._ledger.outbox))
        if has_claimed:
            self._orders.expect()

    def _retire(self) -> None:
        try:
            self._chores.retire(self._callers.first.database)
        except psycopg.Error as error:
            self._journal.database_lost(error)
        self._callers.end()
