"""The runner's own view of its lease."""

from __future__ import annotations

import pytest

from tests.clock import Clock
from worker.lease import Lease


def test_handlers_must_stop_a_grace_before_the_lease_ends() -> None:
    clock = Clock()
    lease = Lease(60, 5, clock)
    clock.now += 53.9
    assert not lease.must_stop()
    clock.now += 0.2
    assert lease.must_stop()


def test_a_renewal_counts_from_when_it_was_sent() -> None:
    clock = Clock()
    lease = Lease(60, 5, clock)
    sent_at = lease.now()
    clock.now += 10
    lease.renewed(sent_at)
    clock.now += 44.5
    assert lease.must_stop()


def test_a_late_answer_does_not_shorten_the_lease() -> None:
    clock = Clock()
    lease = Lease(60, 5, clock)
    early = lease.now()
    clock.now += 30
    lease.renewed(lease.now())
    lease.renewed(early)
    clock.now += 53
    assert not lease.must_stop()


def test_a_claim_right_after_a_sign_of_life_renews_only_up_to_a_second_ago() -> None:
    clock = Clock()
    lease = Lease(60, 5, clock)
    clock.now += 0.5
    lease.claimed(lease.now())
    assert lease.renewed_at == 1_000.0
    clock.now += 20
    lease.claimed(lease.now())
    assert lease.renewed_at == 1_020.5


@pytest.mark.parametrize(("lease_seconds", "grace"), [(60, 5), (3, 5), (1.5, 0), (10, 0.2)])
def test_the_kill_grace_always_fits_before_the_end(lease_seconds: float, grace: float) -> None:
    clock = Clock()
    lease = Lease(lease_seconds, grace, clock)
    while not lease.must_stop():
        clock.now += 0.01
    assert clock.now + lease.kill_grace_seconds < 1_000 + lease_seconds
