"""Ids that are made here have the form, the time and the order of the server's."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import RFC_4122, UUID

from app.jobs.ids import new_ids

AT = datetime(2026, 3, 1, 12, 30, 15, 123_750, tzinfo=UTC)


def test_ids_tell_their_time_and_are_of_version_seven() -> None:
    for made in new_ids(AT, 100):
        assert (made.version, made.variant) == (7, RFC_4122)
        assert made.int >> 80 == int(AT.timestamp() * 1_000)
        assert made.int >> 64 & 0xFFF == 4_096 * 3 // 4  # of the millisecond


def test_ids_are_in_order_and_none_comes_twice() -> None:
    ids = list(new_ids(AT, 10_000))
    assert len(ids) == 10_000
    assert ids == sorted(ids)
    assert len({*ids, *new_ids(AT, 10_000)}) == 20_000


def test_a_later_time_makes_greater_ids() -> None:
    (early,) = new_ids(AT, 1)
    (late,) = new_ids(AT.replace(microsecond=124_000), 1)
    assert early < late
    assert early > UUID(int=int(AT.timestamp() * 1_000) << 80)


def test_for_nothing_no_ids_are_made() -> None:
    assert list(new_ids(AT, 0)) == []
