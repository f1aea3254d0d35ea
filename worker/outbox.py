"""What the runner has to tell the database of its claims, kept until a commit is certain."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.jobs import Claim, Report
from worker.agenda import NEVER
from worker.settle import Settlement
from worker.slots.output import Output
from worker.slots.runs import Told

REPORT_INTERVAL_SECONDS = 0.5

Key = tuple[UUID, int]


@dataclass(slots=True, eq=False)
class Entry:
    """One held claim: lines of its history that are not written yet, and its settlement if any.

    `is_unsure` says that a transaction with its settlement may have been committed unheard.
    """

    claim: Claim
    key: Key
    reports: list[Report] = field(default_factory=list)
    settlement: Settlement | None = None
    seconds: float | None = None
    sends: int = 0
    is_unsure: bool = False


class Outbox:
    """The held claims by (id, claim_seq), and which of them there is something to write for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[Key, Entry] = {}
        self._settled: dict[Key, Entry] = {}
        self._speaking: dict[Key, Entry] = {}
        self._batches: dict[int, int] = {}
        self._ended_batches: set[int] = set()
        self._reported_at = -REPORT_INTERVAL_SECONDS
        self.running: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def open(self, claim: Claim) -> Entry:
        """Note that the claim is held."""
        key = claim.id, claim.claim_seq
        entry = self._entries[key] = Entry(claim, key)
        self._batches[claim.batch] = self._batches.get(claim.batch, 0) + 1
        self.running[claim.job_type] += 1
        return entry

    def get(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def close(self, entry: Entry) -> None:
        """Forget a claim that is settled or lost."""
        if self._entries.pop(entry.key, None) is None:
            return
        if self._settled.pop(entry.key, None) is None:
            self.running[entry.claim.job_type] -= 1
        self._speaking.pop(entry.key, None)
        batch = entry.claim.batch
        held = self._batches.get(batch)
        if held is not None:
            self._batches[batch] = held - 1
            if held == 1:
                self._ended_batches.add(batch)

    def batches_ending_with(self, entries: Sequence[Entry]) -> list[int]:
        """Return the batches that hold nothing once the settlements of `entries` are written."""
        settled: dict[int, int] = {}
        for entry in entries:
            if entry.settlement is not None:
                batch = entry.claim.batch
                settled[batch] = settled.get(batch, 0) + 1
        ending = [b for b, count in settled.items() if self._batches.get(b, -1) <= count]
        return [*self._ended_batches.difference(ending), *ending]

    def forget_batches(self, batches: Sequence[int]) -> None:
        """Note that these batches are closed in the database."""
        for batch in batches:
            self._batches.pop(batch, None)
        self._ended_batches.difference_update(batches)

    def tell(self, told: Told) -> None:
        """Add a line; a newer progress replaces one that was not written yet."""
        run = told.run
        entry = self._entries.get((run.id, run.claim_seq))
        if entry is None or entry.settlement is not None:
            return
        if told.kind == "progress":
            entry.reports = [line for line in entry.reports if line.kind != "progress"]
        entry.reports.append(Report(run.id, run.claim_seq, told.kind, told.message, told.data))
        self._speaking[entry.key] = entry

    def settle(
        self, entry: Entry, settlement: Settlement, output: Output | None, seconds: float | None
    ) -> None:
        """Add the last word, and before it what the run printed."""
        if output is not None:
            data = {"bytes": output.size_bytes, "truncated": output.is_truncated}
            claim = entry.claim
            line = Report(claim.id, claim.claim_seq, "output", output.text, data)
            entry.reports.append(line)
        if entry.settlement is None:
            self.running[entry.claim.job_type] -= 1
            self._settled[entry.key] = entry
            self._speaking.pop(entry.key, None)
        entry.settlement = settlement
        entry.seconds = seconds

    def unsettled(self) -> list[Entry]:
        """Return the claims whose handlers run or wait for a slot."""
        return [entry for entry in self._entries.values() if entry.settlement is None]

    @property
    def due_at(self) -> float:
        """When there is something to write: at once what is settled, in their time other lines."""
        if self._settled or self._ended_batches:
            return 0.0
        return self._reported_at + REPORT_INTERVAL_SECONDS if self._speaking else NEVER

    def doubt(self) -> None:
        """Note that whatever is settled may have been committed unheard."""
        for entry in self._settled.values():
            entry.is_unsure = True

    def due(self) -> list[Entry]:
        """Return what is to be written now."""
        settled = list(self._settled.values())
        if not self._speaking or self._clock() < self._reported_at + REPORT_INTERVAL_SECONDS:
            return settled
        self._reported_at = self._clock()
        speaking, self._speaking = list(self._speaking.values()), {}
        return speaking + settled
