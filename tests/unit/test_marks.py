"""Where claims and looks begin: at the very front while that is quick, else before the marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.jobs import Lane
from tests.clock import Clock
from worker.marks import BEFORE_SECONDS, MOST_LANES, Marks

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SLOW = 0.2
BEFORE = timedelta(seconds=BEFORE_SECONDS)


def lane(job_type: str, seconds: float = 0, seq: int = 7) -> Lane:
    return Lane(5, "default", job_type, "", NOON + timedelta(seconds=seconds), seq)


def rest(marks: Marks) -> None:
    marks.walked(SLOW)
    marks.walked(SLOW)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def marks(clock: Clock) -> Marks:
    marks = Marks(longest_rest_seconds=300, clock=clock)
    marks.connected(180_004)
    return marks


def test_while_walks_are_quick_all_begin_at_the_very_front(marks: Marks) -> None:
    marks.reached([lane("a")])
    marks.walked(0.001)
    assert marks.known() == []
    assert marks.walk_in_seconds is None


def test_one_slow_walk_changes_nothing(marks: Marks) -> None:
    marks.reached([lane("a")])
    for seconds in (SLOW, 0.001, SLOW):
        marks.walked(seconds)
        assert marks.known() == []


def test_after_slow_walks_known_lanes_are_begun_a_little_before_their_marks(
    marks: Marks, clock: Clock
) -> None:
    rest(marks)
    marks.reached([lane("a"), lane("b", 1)])
    assert marks.known() == [
        lane("a")._replace(due_at=NOON - BEFORE, mark=0),
        lane("b")._replace(due_at=NOON + timedelta(seconds=1) - BEFORE, mark=0),
    ]
    clock.now += 50 * SLOW
    assert marks.known() == []


def test_a_server_that_would_walk_the_gaps_is_spared_them(marks: Marks) -> None:
    marks.connected(170_009)
    rest(marks)
    marks.reached([lane("a")])
    assert marks.known() == []
    assert marks.walk_in_seconds is None


def test_a_walk_follows_what_was_claimed_and_no_other(marks: Marks, clock: Clock) -> None:
    rest(marks)
    assert marks.walk_in_seconds is None
    marks.reached([lane("a")])
    clock.now += 4
    assert marks.walk_in_seconds == pytest.approx(50 * SLOW - 4)
    clock.now += 6
    marks.walked(SLOW)
    assert marks.walk_in_seconds is None


def test_no_rest_is_longer_than_the_longest(marks: Marks, clock: Clock) -> None:
    marks.walked(60)
    marks.walked(60)
    marks.reached([lane("a")])
    clock.now += 299
    assert marks.known()
    clock.now += 1
    assert not marks.known()


def test_a_mark_does_not_go_back(marks: Marks) -> None:
    rest(marks)
    marks.reached([lane("a", 5)])
    marks.reached([lane("a", 3)])
    assert [known.due_at for known in marks.known()] == [NOON + timedelta(seconds=5) - BEFORE]


def test_the_lanes_that_were_reached_last_are_kept(marks: Marks) -> None:
    rest(marks)
    marks.reached([lane("first"), lane("second")])
    marks.reached([lane(f"job_{number}") for number in range(MOST_LANES - 1)] + [lane("first")])
    types = [known.job_type for known in marks.known()]
    assert len(types) == MOST_LANES
    assert "first" in types
    assert "second" not in types
