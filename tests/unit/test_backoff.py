"""The wait between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.backoff import BASE_SECONDS, CAP_SECONDS, backoff_seconds


@pytest.mark.parametrize(
    ("attempt", "longest"),
    [(1, 2), (2, 4), (3, 8), (9, 512), (10, 600), (10_000, 600), (0, 2)],
)
def test_the_longest_wait_doubles_up_to_the_cap(attempt: int, longest: float) -> None:
    assert backoff_seconds(attempt, lambda: 1.0) == longest


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_jitter_spreads_over_the_whole_wait(attempt: int, drawn: float) -> None:
    wait = backoff_seconds(attempt, lambda: drawn)
    assert 0 <= wait <= CAP_SECONDS
    assert wait <= drawn * BASE_SECONDS * 2.0 ** min(attempt - 1, 60)
