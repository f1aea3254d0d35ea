"""When a runner that is told to stop does what, asked once and asked again."""

from __future__ import annotations

import pytest

from worker.drain import Drain


@pytest.fixture
def drain() -> Drain:
    return Drain(drain_seconds=30, grace_seconds=20)


def test_nothing_is_due_before_it_is_asked_for(drain: Drain) -> None:
    assert (drain.is_begun, drain.stop_at, drain.give_up_at) == (False, None, None)
    assert not drain.take_stop(1e9)
    assert not drain.is_given_up(1e9)


def test_handlers_may_finish_before_they_are_stopped_once(drain: Drain) -> None:
    drain.ask(100.0)
    assert drain.is_begun
    assert not drain.take_stop(129.9)
    assert [drain.take_stop(130.0) for _ in range(2)] == [True, False]
    assert [drain.is_given_up(now) for now in (149.9, 150.0)] == [False, True]


def test_whoever_asks_again_has_them_stopped_at_once(drain: Drain) -> None:
    drain.ask(100.0)
    drain.ask(101.0)
    assert drain.take_stop(101.0)
    assert [drain.is_given_up(now) for now in (120.9, 121.0)] == [False, True]
    assert drain.is_begun
