"""What the runner has to tell the database of its claims, kept until a commit is certain."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from app.jobs import Claim, Report
from worker.agenda import NEVER
from worker.settle import Settlement
from worker.slots.output import Output
from worker.slots.runs import Told

REPORT_INTERVAL_SECONDS = 0.5

Key = tuple[int, int]


def key_of(id: UUID, claim_seq: int) -> Key:
    """Return what names a claim here: hashed ten times a job, and an int's hash is not Python."""
    return id.int, claim_seq


class Entry:
    """One held claim: lines of its history that are not written yet, and its settlement if any.

    `sending` are those of its lines that are under way while its handler runs on. `is_unsure` says
    that a transaction with its settlement may have been committed unheard.
    """

    __slots__ = (
        "claim", "is_unsure", "key", "reports", "seconds", "sending", "sends", "settlement",
    )  # fmt: skip

    def __init__(self, claim: Claim, key: Key) -> None:
        self.claim = claim
        self.key = key
        self.reports: Sequence[Report] = ()
        self.sending: Sequence[Report] = ()
        self.settlement: Settlement | None = None
        self.seconds: float | None = None
        self.sends = 0
        self.is_unsure = False


class Parcel:
    """Entries that are written together, and the batches that end with them.

    Each of `storing` is written alone, with what its handler stores. Whoever writes notes in `sent`
    what was committed, in `lost` of which of it the claim was another's, and in `has_ended` whether
    the batches were closed.
    """

    __slots__ = ("ending", "entries", "has_ended", "lost", "sent", "storing")

    def __init__(
        self, entries: Sequence[Entry], storing: Sequence[Entry], ending: Sequence[int]
    ) -> None:
        self.entries = entries
        self.storing = storing
        self.ending = ending
        self.sent: list[Entry] = []
        self.lost: set[Key] = set()
        self.has_ended = False


class Outbox:
    """The held claims by their keys, and which of them there is something to write for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[Key, Entry] = {}
        self._settled: dict[Key, Entry] = {}
        self._speaking: dict[Key, Entry] = {}
        self._telling: dict[Key, Entry] = {}
        self._batches: Counter[int] = Counter()
        self._ended_batches: set[int] = set()
        self._reported_at = -REPORT_INTERVAL_SECONDS
        self.running: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def open(self, claims: Sequence[Claim]) -> None:
        """Note that these claims are held."""
        for claim in claims:
            key = claim.id.int, claim.claim_seq
            self._entries[key] = Entry(claim, key)
        self._batches.update([claim.batch for claim in claims])
        self.running.update([claim.job_type for claim in claims])

    def get(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def close(self, entries: Iterable[Entry]) -> None:
        """Forget claims that are settled or lost."""
        closed = [entry for entry in entries if self._entries.pop(entry.key, None) is not None]
        for entry in closed:
            self._settled.pop(entry.key, None)
            if entry.settlement is None:
                self._speaking.pop(entry.key, None)
                self.running[entry.claim.job_type] -= 1
        for batch, count in Counter([entry.claim.batch for entry in closed]).items():
            if batch in self._batches:
                self._batches[batch] -= count
                if self._batches[batch] == 0:
                    self._ended_batches.add(batch)

    def tell(self, told: Told) -> None:
        """Add a line; a newer progress replaces one that was not written yet."""
        run = told.run
        entry = self._entries.get(key_of(run.id, run.claim_seq))
        if entry is None or entry.settlement is not None:
            return
        line = Report(run.id, run.claim_seq, told.kind, told.message, told.data)
        is_progress = told.kind == "progress"
        kept = [old for old in entry.reports if not (is_progress and old.kind == "progress")]
        entry.reports = [*kept, line]
        self._speaking[entry.key] = entry

    def settle(
        self, entry: Entry, settlement: Settlement, output: Output | None, seconds: float | None
    ) -> None:
        """Add the last word of a claim, and before it what the run printed."""
        if output is not None:
            data = {"bytes": output.size_bytes, "truncated": output.is_truncated}
            claim = entry.claim
            line = Report(claim.id, claim.claim_seq, "output", output.text, data)
            entry.reports = [*entry.reports, line]
        self.running[entry.claim.job_type] -= 1
        self._settled[entry.key] = entry
        if entry.reports:
            self._speaking.pop(entry.key, None)
        entry.settlement = settlement
        entry.seconds = seconds

    def unsettled(self) -> list[Entry]:
        """Return the claims whose handlers run or wait for a slot."""
        return [entry for entry in self._entries.values() if entry.settlement is None]

    @property
    def ready(self) -> int:
        """How many settlements may be written beside what is under way: none beside lines."""
        return 0 if self._telling else len(self._settled)

    @property
    def due_at(self) -> float:
        """When there is something to write: at once what is settled, in their time other lines."""
        if self._settled or self._ended_batches:
            return 0.0
        return self._reported_at + REPORT_INTERVAL_SECONDS if self._speaking else NEVER

    def take(self, stores: Callable[[Entry], bool]) -> Parcel:
        """Return what is to be written now: it is under way until it is `put_back` or `written`.

        `stores` says of which entries the handler has something to store.
        """
        entries = list(self._settled.values())
        self._settled.clear()
        storing = [entry for entry in entries if stores(entry)]
        if storing:
            entries = [entry for entry in entries if not stores(entry)]
        ending = self._ending_with(entries)
        if self._speaking and self._clock() >= self._reported_at + REPORT_INTERVAL_SECONDS:
            self._reported_at = self._clock()
            self._telling, self._speaking = self._speaking, {}
            for entry in self._telling.values():
                entry.sending, entry.reports = entry.reports, ()
            entries = [*self._telling.values(), *entries]
        return Parcel(entries, storing, ending)

    def answered(self, parcel: Parcel) -> None:
        """Forget what of the parcel was committed; the rest is there to be written again."""
        sent = {entry.key for entry in parcel.sent}
        telling, self._telling = self._telling, {}
        for key, entry in telling.items():
            if key not in sent:
                entry.reports = [*entry.sending, *entry.reports]
            if entry.reports and entry.settlement is None:
                self._speaking[key] = entry
            entry.sending = ()
        if parcel.has_ended:
            for batch in parcel.ending:
                self._batches.pop(batch, None)
        else:
            self._ended_batches.update(b for b in parcel.ending if self._batches[b] == 0)
        self.close(entry for entry in parcel.sent if entry.key not in telling)
        if len(sent) < len(parcel.entries) + len(parcel.storing):
            for entry in [*parcel.entries, *parcel.storing]:
                if entry.key not in sent and entry.key not in telling:
                    entry.is_unsure = True
                    self._settled[entry.key] = entry

    def _ending_with(self, entries: Sequence[Entry]) -> list[int]:
        """Return the batches that hold nothing once the settlements of `entries` are written.

        Those of a batch that are under way elsewhere count as held: they may fail to be written.
        """
        ended, self._ended_batches = self._ended_batches, set()
        settled = Counter([entry.claim.batch for entry in entries])
        return [*ended, *(b for b, count in settled.items() if self._batches[b] == count)]
