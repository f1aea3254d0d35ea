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


@dataclass(slots=True)
class Entry:
    """One held claim: lines of its history that are not written yet, and its settlement if any.

    `is_unsure` says that a transaction with its settlement may have been committed unheard.
    """

    claim: Claim
    reports: list[Report] = field(default_factory=list)
    settlement: Settlement | None = None
    seconds: float | None = None
    sends: int = 0
    is_unsure: bool = False

    @property
    def key(self) -> Key:
        return self.claim.id, self.claim.claim_seq


class Outbox:
    """The held claims, by (id, claim_seq), oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[Key, Entry] = {}
        self._batches: Counter[int] = Counter()
        self._reported_at = -REPORT_INTERVAL_SECONDS

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def open(self, claim: Claim) -> Entry:
        """Note that the claim is held."""
        entry = self._entries[claim.id, claim.claim_seq] = Entry(claim)
        self._batches[claim.batch] += 1
        return entry

    def get(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def close(self, key: Key) -> None:
        """Forget a claim that is settled or lost."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._batches[entry.claim.batch] -= 1

    def batches_ending_with(self, entries: Sequence[Entry]) -> list[int]:
        """Return the batches that hold nothing once the settlements of `entries` are written."""
        settled = Counter(entry.claim.batch for entry in entries if entry.settlement is not None)
        return [batch for batch, held in self._batches.items() if held <= settled[batch]]

    def forget_batches(self, batches: Sequence[int]) -> None:
        """Note that these batches are closed in the database."""
        for batch in batches:
            self._batches.pop(batch, None)

    def tell(self, told: Told) -> None:
        """Add a line; a newer progress replaces one that was not written yet."""
        run = told.run
        entry = self._entries.get((run.id, run.claim_seq))
        if entry is None or entry.settlement is not None:
            return
        if told.kind == "progress":
            entry.reports = [line for line in entry.reports if line.kind != "progress"]
        line = Report(run.id, run.claim_seq, told.kind, told.message, told.data)
        entry.reports.append(line)

    def settle(
        self, entry: Entry, settlement: Settlement, output: Output | None, seconds: float | None
    ) -> None:
        """Add the last word, and before it what the run printed."""
        if output is not None:
            data = {"bytes": output.size_bytes, "truncated": output.is_truncated}
            claim = entry.claim
            line = Report(claim.id, claim.claim_seq, "output", output.text, data)
            entry.reports.append(line)
        entry.settlement = settlement
        entry.seconds = seconds

    def unsettled(self) -> list[Entry]:
        """Return the claims whose handlers run."""
        return [entry for entry in self._entries.values() if entry.settlement is None]

    @property
    def due_at(self) -> float:
        """When there is something to write: at once what is settled, in their time other lines."""
        if any(entry.settlement is not None for entry in self._entries.values()):
            return 0.0
        if any(held <= 0 for held in self._batches.values()):
            return 0.0
        if any(entry.reports for entry in self._entries.values()):
            return self._reported_at + REPORT_INTERVAL_SECONDS
        return NEVER

    def doubt(self) -> None:
        """Note that whatever is settled may have been committed unheard."""
        for entry in self._entries.values():
            entry.is_unsure = entry.settlement is not None

    def due(self) -> list[Entry]:
        """Return what is to be written now."""
        now = self._clock()
        is_time = now >= self._reported_at + REPORT_INTERVAL_SECONDS
        if is_time:
            self._reported_at = now
        return [
            entry
            for entry in self._entries.values()
            if entry.settlement is not None or (is_time and entry.reports)
        ]
