"""When a runner comes back to its database, and when it compares its claims with what is there."""

from __future__ import annotations

import pytest

from tests.clock import Clock
from worker.agenda import NEVER
from worker.recovery import RECONNECT_CAP_SECONDS, Recovery

TIMEOUT_SECONDS, LEASE_SECONDS = 10.0, 30.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recovery(clock: Clock) -> Recovery:
    return Recovery(
        database_timeout_seconds=TIMEOUT_SECONDS,
        lease_seconds=LEASE_SECONDS,
        clock=clock,
        random=lambda: 1.0,
    )


@pytest.fixture
def settled(recovery: Recovery) -> Recovery:
    recovery.compared()
    return recovery


def test_a_runner_that_starts_compares_at_once(recovery: Recovery) -> None:
    assert recovery.is_comparing
    assert not recovery.is_pausing
    recovery.compared()
    assert recovery.compare_at == NEVER


def test_each_failure_in_a_row_pauses_longer_up_to_a_cap(settled: Recovery, clock: Clock) -> None:
    pauses = []
    for _ in range(12):
        settled.lost(has_claimed=False, holds=False)
        assert settled.is_pausing
        pauses.append(settled.resume_at - clock.now)
        clock.now = settled.resume_at
        assert not settled.is_pausing
    expected = [min(0.1 * 2**failures, RECONNECT_CAP_SECONDS) for failures in range(12)]
    assert pauses == pytest.approx(expected)
    settled.answered()
    settled.lost(has_claimed=False, holds=False)
    assert settled.resume_at - clock.now == pytest.approx(expected[0])


def test_a_call_that_could_change_no_claim_asks_for_no_comparison(settled: Recovery) -> None:
    settled.lost(has_claimed=False, holds=False)
    assert settled.compare_at == NEVER


def test_the_end_of_a_claim_that_may_be_written_is_compared_once(settled: Recovery) -> None:
    settled.lost(has_claimed=False, holds=True)
    assert settled.is_comparing
    settled.compared()
    assert settled.compare_at == NEVER


def test_a_claim_that_may_yet_be_committed_is_looked_for_again(
    settled: Recovery, clock: Clock
) -> None:
    settled.lost(has_claimed=True, holds=False)
    lost_at = clock.now
    for seconds in (0.0, TIMEOUT_SECONDS, LEASE_SECONDS):
        assert settled.compare_at == lost_at + seconds
        clock.now = lost_at + seconds
        assert settled.is_comparing
        settled.compared()
    assert settled.compare_at == NEVER
