"""What the outbox hands over, and what it does with what comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from app.jobs import Claim, Success
from tests.clock import Clock
from worker.outbox import REPORT_INTERVAL_SECONDS, Entry, Outbox, Parcel
from worker.settle import Settlement
from worker.slots.runs import Run, Told


def claims(count: int, *, batch: int = 1) -> list[Claim]:
    due = datetime(2030, 1, 1, tzinfo=UTC)
    return [
        Claim(
            uuid4(), 1, batch, "some_type", "default", 5, "", due, seq, 1, None, None, False, "{}"
        )
        for seq in range(count)
    ]


def settle(outbox: Outbox, claim: Claim) -> Entry:
    entry = outbox.get((claim.id.int, claim.claim_seq))
    assert entry is not None
    outbox.settle(entry, Settlement("succeed", Success(*entry.claim[:2], "{}")), None, 0.1)
    return entry


def tell(outbox: Outbox, claim: Claim, text: str) -> None:
    run = Run(claim.id, claim.claim_seq, claim.job_type, 1, "{}", 60.0)
    outbox.tell(Told(run, "log", text, None))


def take(outbox: Outbox) -> Parcel:
    return outbox.take(lambda _entry: False)


def commit(outbox: Outbox, parcel: Parcel) -> None:
    """Have the parcel come back as one that was written whole."""
    parcel.sent += [*parcel.entries, *parcel.storing]
    parcel.has_ended = bool(parcel.ending)
    outbox.answered(parcel)


def take_in_two(outbox: Outbox, *, batch: int) -> tuple[Parcel, Parcel]:
    """Settle the two claims of a batch, each in a parcel of its own."""
    first, second = claims(2, batch=batch)
    outbox.open([first, second])
    settle(outbox, first)
    one = take(outbox)
    settle(outbox, second)
    return one, take(outbox)


def take_between_lines(outbox: Outbox, before: str, after: str) -> Parcel:
    """Take a parcel with one line of a run that then tells another."""
    (claim,) = claims(1)
    outbox.open([claim])
    tell(outbox, claim, before)
    parcel = take(outbox)
    tell(outbox, claim, after)
    return parcel


def lines(entry: Entry) -> list[str | None]:
    return [line.message for line in entry.sending or entry.reports]


def test_what_is_settled_is_handed_over_once() -> None:
    outbox = Outbox()
    first, second = claims(2)
    outbox.open([first, second])
    entry = settle(outbox, first)
    parcel = take(outbox)
    assert (list(parcel.entries), list(parcel.ending)) == ([entry], [])
    assert not take(outbox).entries
    commit(outbox, parcel)
    assert (len(outbox), outbox.running["some_type"]) == (1, 1)


def test_a_batch_ends_with_its_last_settlement() -> None:
    outbox = Outbox()
    held = claims(2, batch=7)
    outbox.open(held)
    settle(outbox, held[0])
    commit(outbox, take(outbox))
    settle(outbox, held[1])
    parcel = take(outbox)
    assert list(parcel.ending) == [7]
    commit(outbox, parcel)
    assert (len(outbox), outbox.due_at) == (0, float("inf"))


def test_a_batch_does_not_end_while_a_part_of_it_is_under_way_elsewhere() -> None:
    outbox = Outbox()
    one, other = take_in_two(outbox, batch=7)
    assert not one.ending
    assert not other.ending
    commit(outbox, other)
    outbox.answered(one)  # it failed: its claim is still held in the database
    parcel = take(outbox)
    assert (list(parcel.entries), list(parcel.ending)) == (list(one.entries), [7])


def test_a_batch_whose_parts_went_different_ways_is_closed_afterwards() -> None:
    outbox = Outbox()
    one, other = take_in_two(outbox, batch=7)
    commit(outbox, one)
    commit(outbox, other)
    assert outbox.due_at == 0.0
    last = take(outbox)
    assert (list(last.entries), list(last.ending)) == ([], [7])
    outbox.answered(last)  # it failed
    again = take(outbox)
    assert list(again.ending) == [7]
    commit(outbox, again)
    assert outbox.due_at == float("inf")


def test_what_was_not_committed_is_handed_over_again_and_known_to_be_unsure() -> None:
    outbox = Outbox()
    held = claims(2)
    outbox.open(held)
    entries = [settle(outbox, claim) for claim in held]
    parcel = take(outbox)
    parcel.sent.append(entries[0])
    outbox.answered(parcel)
    assert list(take(outbox).entries) == [entries[1]]
    assert (entries[0].is_unsure, entries[1].is_unsure) == (False, True)


def test_nothing_is_settled_beside_lines_of_it_that_are_under_way() -> None:
    outbox = Outbox(Clock())
    (claim,) = claims(1)
    outbox.open([claim])
    tell(outbox, claim, "early")
    told = take(outbox)
    entry = settle(outbox, claim)
    assert (lines(entry), outbox.ready) == (["early"], 0)
    commit(outbox, told)
    assert (len(outbox), outbox.ready) == (1, 1)
    assert list(take(outbox).entries) == [entry]


def test_lines_that_were_not_written_come_before_those_told_since() -> None:
    clock = Clock()
    outbox = Outbox(clock)
    parcel = take_between_lines(outbox, "first", "second")
    outbox.answered(parcel)
    assert not take(outbox).entries
    clock.now += REPORT_INTERVAL_SECONDS
    (entry,) = take(outbox).entries
    assert lines(entry) == ["first", "second"]


def test_lines_told_while_others_are_written_are_written_next() -> None:
    clock = Clock()
    outbox = Outbox(clock)
    parcel = take_between_lines(outbox, "first", "second")
    commit(outbox, parcel)
    clock.now += REPORT_INTERVAL_SECONDS
    (entry,) = take(outbox).entries
    assert lines(entry) == ["second"]
