"""Snapshots in a real database: one per page and day, compared with the one before."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import CheckViolation
from psycopg.rows import dict_row

from app.metrics.result import Change, Refreshed, RefreshResult
from app.metrics.snapshot import Snapshot
from app.metrics.store import store


def snapshot(day: int, followers: int = 100, **fields: Any) -> Snapshot:
    row = {
        "page": "@Harbour",
        "platform": "instagram",
        "taken_on": date(2025, 11, day),
        "followers": followers,
        "posts": 10,
        "engagement": 5,
    }
    return Snapshot.model_validate(row | fields)


def keep(connection: psycopg.Connection, *snapshots: Snapshot) -> RefreshResult:
    with connection.transaction():
        return store(connection, uuid4(), Refreshed(snapshots=list(snapshots)))


def counts(result: RefreshResult) -> tuple[int, int, int, int]:
    return result.new, result.changed, result.unchanged, result.superseded


def rows(connection: psycopg.Connection, table: str) -> list[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute(f"select * from {table} order by 1, 2".encode()).fetchall()


def test_snapshots_are_kept_and_the_newest_is_compared(connection: psycopg.Connection) -> None:
    result = keep(
        connection,
        snapshot(20, 100),
        snapshot(23, 130, posts=12, engagement=4),
        snapshot(22, 110),
    )
    assert counts(result) == (3, 0, 0, 0)
    (page,) = result.pages
    assert (page.page, page.platform, page.taken_on) == (
        "@Harbour",
        "instagram",
        date(2025, 11, 23),
    )
    assert (page.followers, page.posts, page.engagement) == (130, 12, 4)
    assert page.change == Change(
        since=date(2025, 11, 22), days=1, followers=20, posts=2, engagement=-1
    )
    assert RefreshResult.model_validate_json(result.model_dump_json()) == result


def test_the_first_snapshot_of_a_page_has_nothing_to_be_compared_with(
    connection: psycopg.Connection,
) -> None:
    assert keep(connection, snapshot(20)).pages[0].change is None


def test_storing_the_same_again_changes_no_row(connection: psycopg.Connection) -> None:
    keep(connection, snapshot(20), snapshot(21))
    before = rows(connection, "metrics_snapshots")
    result = keep(connection, snapshot(20), snapshot(21))
    assert counts(result) == (0, 0, 2, 0)
    assert rows(connection, "metrics_snapshots") == before


def test_a_corrected_day_is_changed_and_compared_anew(connection: psycopg.Connection) -> None:
    keep(connection, snapshot(20, 100), snapshot(21, 110))
    result = keep(connection, snapshot(21, 90))
    assert counts(result) == (0, 1, 0, 0)
    assert result.pages[0].change == Change(
        since=date(2025, 11, 20), days=1, followers=-10, posts=0, engagement=0
    )
    followers = [row["followers"] for row in rows(connection, "metrics_snapshots")]
    assert followers == [100, 90]


def test_a_day_handed_in_later_is_compared_with_the_day_before_it(
    connection: psycopg.Connection,
) -> None:
    keep(connection, snapshot(10, 50), snapshot(25, 200))
    (page,) = keep(connection, snapshot(12, 60)).pages
    assert page.taken_on == date(2025, 11, 12)
    assert page.change is not None
    assert (page.change.since, page.change.followers) == (date(2025, 11, 10), 10)


def test_of_two_rows_for_one_day_the_later_counts(connection: psycopg.Connection) -> None:
    result = keep(connection, snapshot(20, 100), snapshot(20, 101, page="harbour"))
    assert counts(result) == (1, 0, 0, 1)
    assert result.read == 2
    (row,) = rows(connection, "metrics_snapshots")
    assert row["followers"] == 101


def test_a_page_is_one_row_however_it_is_written(connection: psycopg.Connection) -> None:
    keep(connection, snapshot(20, page="@Harbour"))
    keep(connection, snapshot(21, page="HARBOUR"), snapshot(21, page="harbour", platform="tiktok"))
    pages = rows(connection, "metrics_pages")
    assert [(page["platform"], page["page"]) for page in pages] == [
        ("instagram", "HARBOUR"),
        ("tiktok", "harbour"),
    ]


def test_a_failed_transaction_leaves_nothing_behind(connection: psycopg.Connection) -> None:
    with connection.transaction(force_rollback=True):
        store(connection, uuid4(), Refreshed(snapshots=[snapshot(20)]))
    assert rows(connection, "metrics_pages") == rows(connection, "metrics_snapshots") == []


def test_what_was_passed_over_is_in_the_result(connection: psycopg.Connection) -> None:
    refreshed = Refreshed(snapshots=[snapshot(20)], rejected=3, rejected_rows=["line 2: no"])
    result = store(connection, uuid4(), refreshed)
    assert (result.rejected, result.rejected_rows) == (3, ["line 2: no"])


def test_a_whole_report_is_stored_in_four_statements(connection: psycopg.Connection) -> None:
    many = [
        snapshot(day, day * page, page=f"page {page}") for day in range(1, 29) for page in range(50)
    ]
    result = keep(connection, *many)
    assert counts(result) == (1400, 0, 0, 0)
    assert len(result.pages) == 50
    assert all(page.change and page.change.days == 1 for page in result.pages)


def test_the_table_takes_no_negative_count(connection: psycopg.Connection) -> None:
    keep(connection, snapshot(20))
    with pytest.raises(CheckViolation):
        connection.execute("update metrics_snapshots set followers = -1")
