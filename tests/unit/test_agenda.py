"""When an engine claims, looks and rescues, on a clock of the test's own."""

from __future__ import annotations

import pytest

from app.jobs import Look
from tests.clock import Clock
from worker.agenda import (
    FRUITFUL_WAKE_INTERVAL_SECONDS,
    NEVER,
    WAKE_BURST,
    WAKE_INTERVAL_SECONDS,
    Agenda,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def agenda(clock: Clock) -> Agenda:
    return Agenda(look_seconds=300, lease_seconds=60, clock=clock)


def idle(agenda: Agenda, due: float | None = None, lease: float | None = None) -> None:
    agenda.claimed(0, is_exhausted=True)
    agenda.looked(Look(due, lease))


def test_a_start_claims_at_once_and_then_looks(agenda: Agenda, clock: Clock) -> None:
    assert agenda.claim_at == clock.now
    assert agenda.take_claim()
    agenda.claimed(0, is_exhausted=True)
    assert (agenda.claim_at, agenda.look_at) == (NEVER, clock.now)


def test_with_nothing_due_only_the_safety_look_is_left(agenda: Agenda, clock: Clock) -> None:
    idle(agenda)
    assert (agenda.claim_at, agenda.rescue_at) == (NEVER, NEVER)
    assert agenda.look_at == clock.now + 300


def test_a_due_time_is_slept_until(agenda: Agenda, clock: Clock) -> None:
    idle(agenda, due=12.5)
    assert agenda.claim_at == clock.now + 12.5


def test_a_claim_that_was_filled_is_followed_by_no_look(agenda: Agenda, clock: Clock) -> None:
    agenda.claimed(4, is_exhausted=False)
    assert agenda.look_at > clock.now


def test_a_wake_up_during_a_claim_is_heard_after_it(agenda: Agenda, clock: Clock) -> None:
    assert agenda.take_claim()
    agenda.woken()
    agenda.claimed(0, is_exhausted=True)
    assert agenda.claim_at == clock.now


def test_a_backlog_does_not_put_off_the_look_for_dead_runners(agenda: Agenda, clock: Clock) -> None:
    idle(agenda)
    looked_at = clock.now
    for _ in range(10_000):
        clock.now += 0.1
        agenda.claimed(4, is_exhausted=False)
    assert agenda.look_at <= looked_at + 61


def test_what_just_cannot_be_claimed_is_not_spun_on(agenda: Agenda, clock: Clock) -> None:
    begun_at, claims = clock.now, 0
    while clock.now < begun_at + 10:
        clock.now = max(clock.now, agenda.claim_at)
        idle(agenda, due=-1)
        claims += 1
    assert claims < 20


def test_a_missed_job_is_tried_again_soon(agenda: Agenda, clock: Clock) -> None:
    idle(agenda)
    clock.now += 1_000
    idle(agenda, due=0)
    assert agenda.claim_at <= clock.now + 0.1


def test_a_wake_up_claims_at_once_but_a_flood_does_not(agenda: Agenda, clock: Clock) -> None:
    idle(agenda)
    clock.now += 10
    agenda.woken()
    assert agenda.claim_at <= clock.now
    for _ in range(WAKE_BURST):
        idle(agenda)
        agenda.woken()
        assert agenda.claim_at <= clock.now
    idle(agenda)
    agenda.woken()
    assert agenda.claim_at == pytest.approx(clock.now + WAKE_INTERVAL_SECONDS)


def test_a_flood_of_wake_ups_makes_twenty_claims_a_second(agenda: Agenda, clock: Clock) -> None:
    idle(agenda)
    begun_at, claims = clock.now, 0
    while clock.now < begun_at + 10:
        clock.now += 0.001
        agenda.woken()
        if agenda.claim_at <= clock.now:
            claims += 1
            idle(agenda)
    assert claims == pytest.approx(10 / WAKE_INTERVAL_SECONDS, abs=WAKE_BURST + 2)


def test_wake_ups_that_bring_jobs_make_a_hundred_claims_a_second(
    agenda: Agenda, clock: Clock
) -> None:
    idle(agenda)
    begun_at, claims = clock.now, 0
    while clock.now < begun_at + 10:
        clock.now += 0.001
        agenda.woken()
        if agenda.take_claim():
            claims += 1
            agenda.claimed(1, is_exhausted=True)
            agenda.looked(Look(None, None))
    assert claims == pytest.approx(10 / FRUITFUL_WAKE_INTERVAL_SECONDS, rel=0.05)


def test_a_lease_that_ends_is_waited_for_and_its_jobs_claimed(agenda: Agenda, clock: Clock) -> None:
    idle(agenda, lease=40)
    assert clock.now + 40 < agenda.rescue_at < clock.now + 40.1
    clock.now = agenda.rescue_at
    agenda.rescued()
    assert (agenda.claim_at, agenda.rescue_at) == (clock.now, NEVER)


def test_a_lease_that_another_takes_care_of_is_not_spun_on(agenda: Agenda, clock: Clock) -> None:
    idle(agenda, lease=-5)
    agenda.rescued()
    idle(agenda, lease=-5)
    assert agenda.rescue_at >= clock.now + 0.25


def test_what_the_runner_queued_itself_needs_no_look(agenda: Agenda, clock: Clock) -> None:
    idle(agenda, due=100)
    agenda.due_in(3)
    assert agenda.claim_at == clock.now + 3
    agenda.due_in(50)
    assert agenda.claim_at == clock.now + 3
