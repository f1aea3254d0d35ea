"""When a claim goes on from its marks, and when it looks from the front."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from app.jobs import Claim, Lane
from worker.lanes import FULL_SECONDS, Lanes

DUE = datetime(2030, 1, 1, tzinfo=UTC)
QUICK, SLOW = 0.001, 0.1


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lanes(clock: Clock) -> Lanes:
    return Lanes(clock)


def claim(seq: int) -> Claim:
    return Claim(uuid4(), 1, 1, "some_type", "mail", 5, "", DUE, seq, 1, None, None, False, "{}")


def look(lanes: Lanes, *claims: Claim, seconds: float = QUICK, is_filled: bool = True) -> None:
    assert lanes.known() is None
    lanes.claimed(claims, was_full=True, is_filled=is_filled, seconds=seconds)


def test_a_claim_goes_on_from_the_last_of_its_lane_for_a_second(lanes: Lanes, clock: Clock) -> None:
    look(lanes, claim(1), claim(2))
    assert lanes.known() == [Lane(5, "mail", "some_type", "", DUE, 2)]
    lanes.claimed([claim(3)], was_full=False, is_filled=True, seconds=QUICK)
    assert lanes.known() == [Lane(5, "mail", "some_type", "", DUE, 3)]
    clock.now += FULL_SECONDS
    assert lanes.known() is None


def test_what_was_not_filled_is_looked_for_from_the_front(lanes: Lanes) -> None:
    look(lanes, claim(1))
    lanes.claimed([claim(2)], was_full=False, is_filled=False, seconds=QUICK)
    assert lanes.known() is None


def test_where_looking_is_slow_it_rests_twenty_times_as_long(lanes: Lanes, clock: Clock) -> None:
    look(lanes, claim(1), seconds=SLOW, is_filled=False)
    assert lanes.known() == [Lane(5, "mail", "some_type", "", DUE, 1)]
    clock.now += 20 * SLOW - 0.01
    assert lanes.known() is not None
    clock.now += 0.02
    assert lanes.known() is None


def test_a_slow_look_that_found_nothing_rests_too(lanes: Lanes, clock: Clock) -> None:
    look(lanes, seconds=SLOW, is_filled=False)
    assert (lanes.known(), lanes.rests_until) == ([], clock.now + 20 * SLOW)


def test_a_quick_look_that_found_nothing_does_not_rest(lanes: Lanes) -> None:
    look(lanes, is_filled=False)
    assert lanes.known() is None
