"""Stories in a real database: new once, known ever after, whatever comes between."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import CheckViolation
from psycopg.rows import dict_row

from app.nearsight.feeds.entry import Entry
from app.nearsight.joining import join_items, read_items
from app.nearsight.payload import CollectPayload, Source
from app.nearsight.policy import load_policy
from app.nearsight.result import CollectResult
from app.nearsight.sources import load
from app.nearsight.store import store
from app.nearsight.story import Collected, SourceOutcome
from tests.pgbouncer import connect
from tests.waiting import wait_until

POLICY = load_policy()
NOW = datetime.now(UTC)
FLOOD = "Harbour tunnel closed after overnight flood"
POST, RADIO = "https://post.example/1", "https://radio.example/9"

Telling = tuple[str, str, str]


def collected(
    *tellings: Telling, hours_ago: float = 1, outcomes: tuple[SourceOutcome, ...] = ()
) -> Collected:
    """Return what a run finds when each source tells one title under one link."""
    at = NOW - timedelta(hours=hours_ago)
    items = [
        item
        for source, title, link in tellings
        for item in read_items([Entry(title, link, at)], source, POLICY, now=NOW)
    ]
    return Collected(
        collected_at=NOW,
        limit=20,
        fetched=len(items),
        left_out=0,
        stories=join_items(items, POLICY, now=NOW),
        sources=list(outcomes),
    )


def outcome(name: str, status: Any = "read", **fields: Any) -> SourceOutcome:
    return SourceOutcome(name=name, url=f"https://{name}.example/feed", status=status, **fields)


def keep(
    connection: psycopg.Connection, found: Collected, job_id: UUID | None = None
) -> CollectResult:
    with connection.transaction():
        return store(connection, job_id or uuid4(), found)


def articles(connection: psycopg.Connection) -> list[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute("select * from nearsight_articles order by id").fetchall()


def sources(connection: psycopg.Connection) -> dict[str, dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    rows = cursor.execute("select * from nearsight_sources").fetchall()
    return {row["name"]: row for row in rows}


def add_source(connection: psycopg.Connection, name: str, **fields: Any) -> None:
    row = {"name": name, "url": f"https://{name}.example/feed", "enabled": True, "etag": None}
    connection.execute(
        "insert into nearsight_sources (name, url, enabled, etag)"
        " values (%(name)s, %(url)s, %(enabled)s, %(etag)s)",
        row | fields,
    )


def test_new_stories_are_kept_with_everything_known_of_them(
    connection: psycopg.Connection,
) -> None:
    job_id = uuid4()
    found = collected(
        ("Post", FLOOD, POST), ("Radio", FLOOD, RADIO), ("Post", "Cat on wall", "https://c.example")
    )
    result = keep(connection, found, job_id)
    assert (result.fetched, result.new, result.known, result.duplicates) == (3, 2, 0, 1)
    (flood,) = [row for row in articles(connection) if row["title"] == FLOOD]
    assert flood["seen_in"] == ["Post", "Radio"]
    assert flood["published_at"] == NOW - timedelta(hours=1)
    assert flood["last_job_id"] == job_id
    assert flood["first_seen_at"] == flood["last_seen_at"]
    assert flood["score"] == sum(signal["points"] for signal in flood["signals"])
    assert [signal["name"] for signal in flood["signals"]] == ["recency", "virality", "relevance"]


def test_the_result_ranks_the_headlines_with_their_reasons(connection: psycopg.Connection) -> None:
    result = keep(
        connection,
        collected(("Post", "Cat on wall", "https://c.example/"), ("Radio", FLOOD, RADIO)),
    )
    first, second = result.headlines
    assert (first.rank, first.title, first.url, first.is_new) == (1, FLOOD, RADIO, True)
    assert first.sources == ["Radio"]
    assert first.score > second.score
    assert "safety (flood)" in first.signals[2].why
    assert CollectResult.model_validate_json(result.model_dump_json()) == result


def test_storing_the_same_again_adds_nothing(connection: psycopg.Connection) -> None:
    found = collected(("Post", FLOOD, POST), ("Radio", FLOOD, RADIO))
    keep(connection, found)
    before = articles(connection)
    result = keep(connection, found)
    after = articles(connection)
    assert (result.new, result.known, result.duplicates) == (0, 1, 1)
    assert not result.headlines[0].is_new
    changing = {"last_seen_at", "last_job_id"}
    assert [{k: v for k, v in row.items() if k not in changing} for row in after] == [
        {k: v for k, v in row.items() if k not in changing} for row in before
    ]
    assert after[0]["last_seen_at"] > before[0]["last_seen_at"]


def test_a_source_that_tells_the_story_later_joins_it_by_title(
    connection: psycopg.Connection,
) -> None:
    alone = keep(connection, collected(("Post", FLOOD, POST), hours_ago=5))
    result = keep(connection, collected(("Radio", f"BREAKING: {FLOOD}", RADIO), hours_ago=1))
    assert (result.new, result.known) == (0, 1)
    (article,) = articles(connection)
    assert article["seen_in"] == ["Post", "Radio"]
    assert article["url"] == POST
    assert article["published_at"] == NOW - timedelta(hours=5)
    virality = result.headlines[0].signals[1]
    assert virality.points > alone.headlines[0].signals[1].points
    assert virality.why == "told by 2 sources"


def test_a_story_stays_one_when_only_its_second_source_answers(
    connection: psycopg.Connection,
) -> None:
    keep(connection, collected(("Post", FLOOD, POST), ("Radio", FLOOD, RADIO)))
    result = keep(connection, collected(("Radio", FLOOD, RADIO)))
    assert (result.new, len(articles(connection))) == (0, 1)


def test_a_renamed_story_is_found_by_its_link_and_by_its_first_title(
    connection: psycopg.Connection,
) -> None:
    keep(connection, collected(("Post", FLOOD, POST)))
    renamed = "Harbour tunnel open again after flood"
    keep(connection, collected(("Post", renamed, POST)))
    result = keep(connection, collected(("Radio", FLOOD, RADIO)))
    assert result.new == 0
    (article,) = articles(connection)
    assert article["seen_in"] == ["Post", "Radio"]


def test_two_stories_that_are_one_article_are_merged(connection: psycopg.Connection) -> None:
    keep(connection, collected(("Post", FLOOD, POST)))
    renamed = "Harbour tunnel open again after flood"
    result = keep(connection, collected(("Courier", renamed, POST), ("Radio", FLOOD, RADIO)))
    assert (result.fetched, result.new, result.known, result.duplicates) == (2, 0, 1, 1)
    assert articles(connection)[0]["seen_in"] == ["Courier", "Post", "Radio"]


def test_the_same_title_days_later_is_another_article(connection: psycopg.Connection) -> None:
    keep(connection, collected(("Post", FLOOD, POST), hours_ago=24 * 5))
    result = keep(connection, collected(("Post", FLOOD, "https://post.example/2")))
    assert (result.new, len(articles(connection))) == (1, 2)


def test_short_titles_never_join_articles(connection: psycopg.Connection) -> None:
    keep(connection, collected(("Post", "Weather today", POST)))
    result = keep(connection, collected(("Radio", "Weather today", RADIO)))
    assert result.new == 1


def test_a_page_dated_anew_is_as_new_as_it_says(connection: psycopg.Connection) -> None:
    keep(connection, collected(("Post", FLOOD, POST), hours_ago=50))
    result = keep(connection, collected(("Post", FLOOD, POST), hours_ago=1))
    assert result.headlines[0].published_at == NOW - timedelta(hours=1)


def test_hostile_titles_are_kept_as_plain_text(connection: psycopg.Connection) -> None:
    hostile = "NUL\x00 <script>alert(1)</script>'; drop table ops_jobs; -- \ud800 %s :name \\u0000"
    keep(connection, collected(("Post", hostile, POST)))
    (article,) = articles(connection)
    assert article["title"] == "NUL '; drop table ops_jobs; -- %s :name \\u0000"


def test_a_failed_transaction_leaves_nothing_behind(connection: psycopg.Connection) -> None:
    add_source(connection, "post")
    found = collected(("Post", FLOOD, POST), outcomes=(outcome("post", etag='"v2"'),))
    with connection.transaction(force_rollback=True):
        store(connection, uuid4(), found)
    assert articles(connection) == []
    assert sources(connection)["post"]["etag"] is None


def test_two_runs_at_once_do_not_both_add_the_same_story(
    connection: psycopg.Connection, observer: psycopg.Connection, database_url: str
) -> None:
    results: list[CollectResult] = []

    def second_run() -> None:
        with connect(database_url, autocommit=True) as other:
            results.append(keep(other, collected(("Radio", FLOOD, RADIO))))

    thread = threading.Thread(target=second_run)
    with connection.transaction():
        results.append(store(connection, uuid4(), collected(("Post", FLOOD, POST))))
        thread.start()
        wait_until(
            lambda: observer.execute(
                "select 1 from pg_stat_activity"
                " where datname = current_database() and wait_event = 'advisory'"
            ).fetchone(),
            message="the second run waits for the first",
        )
    thread.join(10)
    assert [result.new for result in results] == [1, 0]
    assert articles(connection)[0]["seen_in"] == ["Post", "Radio"]


def test_without_sources_in_the_payload_the_enabled_ones_are_read(
    connection: psycopg.Connection,
) -> None:
    add_source(connection, "post", etag='"v1"')
    add_source(connection, "off", enabled=False)
    add_source(connection, "radio")
    connection.execute("update nearsight_sources set last_fetched_at = now() where name = 'post'")
    payload = load(connection, CollectPayload(limit=7))
    assert payload.limit == 7
    assert payload.sources == [
        Source(name="radio", url="https://radio.example/feed"),
        Source(name="post", url="https://post.example/feed", etag='"v1"'),
    ]


def test_sources_of_the_payload_get_the_validators_that_the_table_knows(
    connection: psycopg.Connection,
) -> None:
    add_source(connection, "post", etag='"v1"', enabled=False)
    payload = load(
        connection,
        CollectPayload(
            sources=[
                Source(name="Mine", url="https://post.example/feed"),
                Source(name="Other", url="https://other.example/feed"),
            ]
        ),
    )
    assert [(source.name, source.etag) for source in payload.sources] == [
        ("Mine", '"v1"'),
        ("Other", None),
    ]


def test_no_source_at_all_is_said_in_the_result(connection: psycopg.Connection) -> None:
    assert load(connection, CollectPayload()).sources == []
    assert "no source is enabled" in (keep(connection, collected()).note or "")


def test_each_known_source_notes_how_it_fared(connection: psycopg.Connection) -> None:
    for name in ("read", "unchanged", "failed"):
        add_source(connection, name, etag='"old"')
    connection.execute("update nearsight_sources set last_error = 'before'")
    result = keep(
        connection,
        collected(
            outcomes=(
                outcome("read", items=3, etag='"new"'),
                outcome("unchanged", "unchanged"),
                outcome("failed", "failed", error="the host answered 500"),
                outcome("stranger"),
            )
        ),
    )
    known = sources(connection)
    assert set(known) == {"read", "unchanged", "failed"}
    assert {name: row["etag"] for name, row in known.items()} == {
        "read": '"new"',
        "unchanged": '"old"',
        "failed": '"old"',
    }
    assert {name: row["last_error"] for name, row in known.items()} == {
        "read": None,
        "unchanged": None,
        "failed": "the host answered 500",
    }
    fetched = {name for name, row in known.items() if row["last_fetched_at"] is not None}
    assert fetched == {"read", "unchanged"}
    assert (result.failed_sources, result.unchanged_sources) == (1, 1)
    assert [report.name for report in result.sources] == ["read", "unchanged", "failed", "stranger"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "https://u:p@post.example/", "https://post.example:99999/",
        "https://post example/", "https:///feed", "https://post.example/\n", "",
    ],
)  # fmt: skip
def test_the_table_takes_no_source_that_could_not_be_fetched(
    connection: psycopg.Connection, url: str
) -> None:
    with pytest.raises(CheckViolation):
        add_source(connection, "bad", url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://post.example", "HTTP://Post.Example:8080/a?b=c#d".replace("HTTP", "http"),
        "http://127.0.0.1:65535/feed.xml", "https://xn--bcher-kva.example/?q",
    ],
)  # fmt: skip
def test_every_source_that_the_table_takes_can_be_loaded(
    connection: psycopg.Connection, url: str
) -> None:
    add_source(connection, "good", url=url)
    (source,) = load(connection, CollectPayload()).sources
    assert source.url == url
