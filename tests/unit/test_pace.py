"""How many jobs may wait for a slot: many that take microseconds, none of which little is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import Clock
from worker.pace import AHEAD_SECONDS, MOST_AHEAD, Pace

FORGET_SECONDS = 60


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock)


def ran(pace: Pace, job_type: str, *seconds: float) -> None:
    for each in seconds:
        pace.took(job_type, each)
    pace.seen({job_type})


def ahead(pace: Pace, *job_types: str, slots: int = 4) -> int:
    return pace.ahead(pace.short(job_types), slots)


def test_of_a_type_that_was_never_seen_nothing_is_expected(pace: Pace) -> None:
    assert pace.expected("new") is None
    assert pace.short(["new"]) == frozenset()
    assert ahead(pace, "new") == 0


def test_as_many_wait_as_the_slots_reach_in_a_tenth_of_a_second(pace: Pace) -> None:
    ran(pace, "quick", 0.001)
    assert ahead(pace, "quick", slots=1) == 100
    assert ahead(pace, "quick", slots=4) == 400


def test_there_is_a_most(pace: Pace) -> None:
    ran(pace, "quick", 1e-9)
    assert ahead(pace, "quick") == MOST_AHEAD


def test_a_run_of_no_time_at_all_divides_by_nothing(pace: Pace) -> None:
    ran(pace, "quick", 0.0)
    assert ahead(pace, "quick") == MOST_AHEAD


@pytest.mark.parametrize("slots", [0, -3])
def test_without_a_slot_nothing_waits(pace: Pace, slots: int) -> None:
    ran(pace, "quick", 0.001)
    assert ahead(pace, "quick", slots=slots) == 0


def test_a_long_type_is_never_claimed_ahead(pace: Pace) -> None:
    ran(pace, "long", AHEAD_SECONDS * 1.01)
    assert pace.short(["long"]) == frozenset()
    ran(pace, "just_short", AHEAD_SECONDS)
    assert ahead(pace, "just_short", slots=100) == 100


def test_the_slowest_of_the_short_types_decides(pace: Pace) -> None:
    ran(pace, "quick", 0.001)
    ran(pace, "slower", 0.02)
    ran(pace, "long", 60.0)
    assert pace.short(["quick", "slower", "long", "new"]) == {"quick", "slower"}
    assert ahead(pace, "quick", "slower", "long", "new") == 20


def test_a_slow_run_counts_by_and_by(pace: Pace) -> None:
    ran(pace, "mixed", *[0.001] * 50, 2.0)
    assert pace.short(["mixed"]) == frozenset()
    ran(pace, "mixed", *[0.001] * 100)
    assert pace.expected("mixed") == pytest.approx(0.001)
    assert pace.short(["mixed"]) == {"mixed"}


def test_one_run_that_waited_for_its_turn_hardly_counts(pace: Pace) -> None:
    ran(pace, "quick", *[0.00001] * 50, 0.01, *[0.00001] * 20)
    assert ahead(pace, "quick") == MOST_AHEAD


def test_what_was_not_seen_for_long_is_not_known_any_more(pace: Pace, clock: Clock) -> None:
    ran(pace, "quick", 0.001)
    clock.now += FORGET_SECONDS
    assert pace.short(["quick"]) == {"quick"}
    clock.now += 0.1
    assert pace.short(["quick"]) == frozenset()
    pace.seen(["quick"])
    assert pace.short(["quick"]) == {"quick"}


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 1_000))
def test_what_waits_is_expected_to_be_reached_in_time(runs: list[float], slots: int) -> None:
    pace = Pace(Clock())
    ran(pace, "some", *runs)
    expected = pace.expected("some")
    assert expected is not None
    assert min(runs) * (1 - 1e-9) <= expected <= max(runs) * (1 + 1e-9)
    waiting = ahead(pace, "some", slots=slots)
    assert 0 <= waiting <= MOST_AHEAD
    assert waiting * expected / slots <= AHEAD_SECONDS * (1 + 1e-9)
