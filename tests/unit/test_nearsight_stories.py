"""Items joined into stories, and stories scored."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.nearsight.feeds.entry import Entry
from app.nearsight.joining import Item, join_items, read_items
from app.nearsight.policy import POLICY_FILE, load_policy
from app.nearsight.score import score
from app.nearsight.story import Story

POLICY = load_policy()
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FLOOD = "Harbour tunnel closed after overnight flood"


def item(source: str, title: str, link: str, *, hours_ago: float | None = 1.0) -> Item:
    published_at = None if hours_ago is None else NOW - timedelta(hours=hours_ago)
    (made,) = read_items([Entry(title, link, published_at)], source, POLICY, now=NOW)
    return made


def join(*items: Item) -> list[Story]:
    return join_items(items, POLICY, now=NOW)


def test_the_same_link_in_two_sources_is_one_story() -> None:
    (story,) = join(
        item("Post", FLOOD, "https://post.example/1?utm_source=a"),
        item("Radio", "Tunnel shut: what we know", "http://www.post.example/1/", hours_ago=0.5),
    )
    assert story.sources == ("Post", "Radio")
    assert (story.title, story.url) == (FLOOD, "https://post.example/1")


def test_the_same_title_within_days_is_one_story() -> None:
    (story,) = join(
        item("Post", FLOOD, "https://post.example/1", hours_ago=70),
        item("Radio", f"BREAKING: {FLOOD}", "https://radio.example/9", hours_ago=1),
    )
    assert story.sources == ("Post", "Radio")
    assert story.published_at == NOW - timedelta(hours=70)


def test_the_same_title_days_apart_is_two_stories() -> None:
    stories = join(
        item("Post", FLOOD, "https://post.example/1", hours_ago=80),
        item("Radio", FLOOD, "https://radio.example/9", hours_ago=1),
    )
    assert [story.sources for story in stories] == [("Post",), ("Radio",)]


def test_a_title_told_again_and_again_does_not_chain_into_one_story() -> None:
    stories = join(
        *(
            item("Post", FLOOD, f"https://post.example/{days}", hours_ago=24 * days)
            for days in (0, 2, 4, 6, 8)
        )
    )
    assert len(stories) == 3


def test_short_titles_stay_apart() -> None:
    stories = join(
        item("Post", "Weather today", "https://post.example/w"),
        item("Radio", "Weather today", "https://radio.example/w"),
    )
    assert len(stories) == 2


def test_links_and_titles_join_across_each_other() -> None:
    (story,) = join(
        item("Post", FLOOD, "https://post.example/1"),
        item("Radio", FLOOD, "https://radio.example/9"),
        item("Courier", "What we know of the tunnel", "https://radio.example/9"),
    )
    assert story.sources == ("Courier", "Post", "Radio")


def test_the_order_of_arrival_changes_nothing() -> None:
    items = [
        item("Post", FLOOD, "https://post.example/1", hours_ago=5),
        item("Radio", FLOOD, "https://radio.example/9", hours_ago=5),
        item("Courier", "Another matter altogether here", "https://radio.example/9", hours_ago=2),
        item("Bulletin", "Another matter altogether here", "https://b.example/", hours_ago=None),
    ]
    assert len({tuple(join(*order)) for order in itertools.permutations(items)}) == 1


def test_an_item_without_title_or_page_is_left() -> None:
    entries = [
        Entry("<img src=x>", "https://post.example/1", NOW),
        Entry("A title", "javascript:alert(1)", NOW),
        Entry("A title", "", NOW),
    ]
    assert read_items(entries, "Post", POLICY, now=NOW) == []


def test_a_time_in_the_future_counts_as_now() -> None:
    made = item("Post", FLOOD, "https://post.example/1", hours_ago=-24 * 365)
    assert made.published_at == NOW


def test_newer_wider_and_more_relevant_stories_score_higher() -> None:
    def points(title: str, hours_ago: float | None, sources: tuple[str, ...]) -> float:
        at = None if hours_ago is None else NOW - timedelta(hours=hours_ago)
        story = Story(
            title=title,
            title_key=None,
            url="https://post.example/1",
            link_hash="0" * 64,
            published_at=at,
            sources=sources,
        )
        return score(story, POLICY, now=NOW).points

    plain = points("Cat sits on wall", 10, ("Post",))
    assert points("Cat sits on wall", 1, ("Post",)) > plain
    assert points("Cat sits on wall", 10, ("Post", "Radio")) > plain
    assert points("Flood closes harbour tunnel", 10, ("Post",)) > plain
    assert points("Cat sits on wall", None, ("Post",)) < plain
    assert points(FLOOD + " as council meets police", 0, tuple("abcdefgh")) == 100
    assert points("Cat sits on wall", 24 * 3650, ("Post",)) == 0


def test_a_score_is_the_sum_of_its_signals_and_each_says_why() -> None:
    (story,) = join(
        item("Post", FLOOD, "https://post.example/1", hours_ago=18),
        item("Radio", FLOOD, "https://radio.example/9", hours_ago=17),
    )
    result = score(story, POLICY, now=NOW)
    assert [(signal.name, signal.points, signal.why) for signal in result.signals] == [
        ("recency", 25.0, "published 18 h ago"),
        ("virality", 12.5, "told by 2 sources"),
        ("relevance", 25.0, "safety (flood); transport (tunnel)"),
    ]
    assert result.points == 62.5


@pytest.mark.parametrize(
    ("found", "instead", "message"),
    [
        ("recency = 50", "recency = 60", "add up to 100"),
        ("half_life_hours = 18", "half_life_hours = 0", "half_life_hours"),
        ("weight = 3", "wieght = 3", "wieght"),
        ("minimum_words = 4", "", "minimum_words"),
    ],
)
def test_a_wrong_policy_says_what_is_wrong(
    tmp_path: Path, found: str, instead: str, message: str
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY_FILE.read_text().replace(found, instead, 1))
    with pytest.raises(ValueError, match=message):
        load_policy(path)
