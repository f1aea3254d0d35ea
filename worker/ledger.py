"""The claims that this runner holds, from the claim to the commit of their last word."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from app import jobs
from app.jobs import Claim, Retry, Status
from worker.database import Database
from worker.delivery import ClaimMore, Delivery
from worker.handlers import HandlerSpec
from worker.identity import Identity
from worker.journal import Journal
from worker.outbox import Entry, Outbox
from worker.registry import Registry
from worker.settle import Settlement, settle
from worker.slots.runs import Ended, Told

_STATUSES = {
    "succeed": Status.SUCCEEDED,
    "retry": Status.QUEUED,
    "fail": Status.FAILED,
    "release": Status.QUEUED,
    "abort": Status.CANCELLED,
    "reject": Status.FAILED,
}


class Ledger:
    """Keeps the outbox true to the database. Used by the engine's thread alone.

    `on_lost` is called with a claim that is another's now while its handler still runs here,
    `on_held` with the number of held claims whenever it changed, `on_queued` with the seconds until
    a job is due that was put back into its queue.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        identity: Identity,
        journal: Journal,
        *,
        on_lost: Callable[[Claim], None],
        on_held: Callable[[int], None],
        on_queued: Callable[[float], None],
    ) -> None:
        self.outbox = Outbox()
        self._database = database
        self._specs: Mapping[str, HandlerSpec] = registry.specs
        self._journal = journal
        self._on_lost = on_lost
        self._on_held = on_held
        self._on_queued = on_queued
        self._delivery = Delivery(
            database,
            self.outbox,
            actor=identity.actor,
            allowlist=registry.allowlist,
            specs=registry.specs,
            random=random.random,
            on_sent=self._sent,
        )

    def open(self, claims: Sequence[Claim]) -> None:
        """Note claims that were made."""
        for claim in claims:
            self.outbox.open(claim)
        self._on_held(len(self.outbox))
        self._journal.running(claims)

    def settle_unstarted(self, claim: Claim, settlement: Settlement) -> None:
        """Note what is to be written for a claim whose handler is not started."""
        entry = self.outbox.get((claim.id, claim.claim_seq))
        if entry is not None:
            self.outbox.settle(entry, settlement, None, None)

    def told(self, told: Told) -> None:
        """Note a line of a running handler."""
        self.outbox.tell(told)

    def ended(self, ended: Ended, *, is_draining: bool) -> None:
        """Note how a run ended; only its first end counts."""
        entry = self.outbox.get((ended.run.id, ended.run.claim_seq))
        if entry is None or entry.settlement is not None:
            return
        settlement = settle(
            entry.claim,
            self._specs.get(entry.claim.job_type),
            ended,
            random=random.random,
            is_draining=is_draining,
        )
        if settlement is None:
            self._close(entry)
        else:
            self.outbox.settle(entry, settlement, ended.output, ended.seconds)

    def deliver(self, claim_more: ClaimMore | None) -> list[Claim]:
        """Write what is due, and claim more in the same breath; returns the new claims."""
        claims = self._delivery.deliver(self.outbox.due(), claim_more)
        self._on_held(len(self.outbox))
        return claims

    def compare(self, held: list[Claim]) -> list[Claim]:
        """Drop the claims that the database says we lost; returns those it says we have besides."""
        known = {(claim.id, claim.claim_seq) for claim in held}
        for entry in self.outbox.unsettled():
            if entry.key not in known:
                self._lose(entry)
        return [claim for claim in held if (claim.id, claim.claim_seq) not in self.outbox]

    def _sent(self, entry: Entry, is_lost: bool) -> None:
        """Take note of a commit."""
        if is_lost and not (entry.is_unsure and self._is_as_written(entry)):
            self._lose(entry)
        elif entry.settlement is not None:
            self._journal.settled(entry)
            self._note_queued(entry.settlement)
        if entry.reports:
            entry.reports.clear()
        if entry.settlement is not None:
            self.outbox.close(entry)

    def _note_queued(self, settlement: Settlement) -> None:
        if isinstance(settlement.row, Retry):
            self._on_queued(settlement.row.delay_seconds)
        elif settlement.verb == "release":
            self._on_queued(0.0)

    def _is_as_written(self, entry: Entry) -> bool:
        """Say whether a settlement that was sent twice was there from the first time."""
        if entry.settlement is None:
            return False
        with self._database.statement() as conn:
            job = jobs.get_job(conn, entry.claim.id)
        wanted = (entry.claim.claim_seq, _STATUSES[entry.settlement.verb])
        return (job.claim_seq, job.status) == wanted

    def _lose(self, entry: Entry) -> None:
        self._journal.lost(entry.claim)
        if entry.settlement is None:
            self._on_lost(entry.claim)

    def _close(self, entry: Entry) -> None:
        self.outbox.close(entry)
        self._on_held(len(self.outbox))
