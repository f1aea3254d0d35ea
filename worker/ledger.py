"""The claims that this runner holds, from the claim to the commit of their last word."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from app.jobs import Claim, Retry
from worker.handlers import HandlerSpec
from worker.journal import Journal
from worker.outbox import Entry, Outbox, Parcel, key_of
from worker.registry import Registry
from worker.settle import Settlement, settle
from worker.slots.runs import Ended, Told


class Ledger:
    """Keeps the outbox true to the database. Used by the engine's thread alone.

    `on_lost` is called with a claim that is another's now while its handler still runs here,
    `on_held` with the number of held claims whenever it changed, `on_queued` with the seconds until
    a job is due that was put back into its queue.
    """

    def __init__(
        self,
        registry: Registry,
        journal: Journal,
        *,
        on_lost: Callable[[Claim], None],
        on_held: Callable[[int], None],
        on_queued: Callable[[float], None],
    ) -> None:
        self.outbox = Outbox()
        self._specs: Mapping[str, HandlerSpec] = registry.specs
        self._storing = {name for name, spec in registry.specs.items() if spec.store is not None}
        self._journal = journal
        self._on_lost = on_lost
        self._on_held = on_held
        self._on_queued = on_queued

    def open(self, claims: Sequence[Claim]) -> None:
        """Note claims that were made."""
        self.outbox.open(claims)
        self._on_held(len(self.outbox))
        self._journal.running(claims)

    def settle_unstarted(self, claim: Claim, settlement: Settlement) -> None:
        """Note what is to be written for a claim whose handler is not started."""
        entry = self.outbox.get(key_of(claim.id, claim.claim_seq))
        if entry is not None:
            self.outbox.settle(entry, settlement, None, None)

    def told(self, told: Told) -> None:
        """Note a line of a running handler."""
        self.outbox.tell(told)

    def ended(self, ended: Ended, *, is_draining: bool) -> None:
        """Note how a run ended; only its first end counts."""
        entry = self.outbox.get(key_of(ended.run.id, ended.run.claim_seq))
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
            self.outbox.close([entry])
            self._on_held(len(self.outbox))
        else:
            self.outbox.settle(entry, settlement, ended.output, ended.seconds)

    def take(self) -> Parcel:
        """Return what is due; `answered` says how it went."""
        return self.outbox.take(self._stores)

    def answered(self, parcel: Parcel) -> None:
        """Take note of what of a parcel was committed."""
        for entry in parcel.sent:
            if entry.key in parcel.lost:
                self._lose(entry)
        written = [e for e in parcel.sent if not e.sending and e.key not in parcel.lost]
        self._journal.settled(written)
        for entry in written:
            if entry.settlement is not None:
                self._note_queued(entry.settlement)
        self.outbox.answered(parcel)
        self._on_held(len(self.outbox))

    def compare(self, held: list[Claim]) -> list[Claim]:
        """Drop the claims that the database says we lost; returns those it says we have besides."""
        known = {key_of(claim.id, claim.claim_seq) for claim in held}
        for entry in self.outbox.unsettled():
            if entry.key not in known:
                self._lose(entry)
        return [c for c in held if key_of(c.id, c.claim_seq) not in self.outbox]

    def _stores(self, entry: Entry) -> bool:
        is_success = entry.settlement is not None and entry.settlement.verb == "succeed"
        return is_success and entry.claim.job_type in self._storing

    def _note_queued(self, settlement: Settlement) -> None:
        if settlement.verb == "release":
            self._on_queued(0.0)
        elif isinstance(settlement.row, Retry):
            self._on_queued(settlement.row.delay_seconds)

    def _lose(self, entry: Entry) -> None:
        self._journal.lost(entry.claim)
        if entry.settlement is None:
            self._on_lost(entry.claim)
