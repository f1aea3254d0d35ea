"""Articles: stories as the table holds them, joined with what it knew before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.jobs.statements import run
from app.nearsight.policy import Policy
from app.nearsight.score import Score, score
from app.nearsight.sql import SQL
from app.nearsight.story import Collected, Story

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


@dataclass(frozen=True, slots=True)
class Article:
    story: Story
    score: Score
    is_new: bool


def lock_articles(connection: AnyConnection) -> None:
    """Let one collection at a time decide what is new, until its transaction ends.

    Two that met the same title under two links would each add it.
    """
    run(connection, "lock_articles", {}, folder=SQL)


def upsert_articles(connection: AnyConnection, articles: Iterable[Article], job_id: UUID) -> None:
    """Add the new articles and bring the known ones up to date."""
    parameters = {"job_id": job_id, "articles": Jsonb([_row(article) for article in articles])}
    run(connection, "upsert_articles", parameters, folder=SQL)


def join_known(connection: AnyConnection, collected: Collected, policy: Policy) -> list[Article]:
    """Merge each story into the article that tells it already; the best scores come first."""
    now, stories = collected.collected_at, collected.stories
    known = run(
        connection,
        "find_known",
        {
            "link_hashes": [story.link_hash for story in stories],
            "title_keys": [story.title_key for story in stories],
            "told_at": [story.published_at or now for story in stories],
            "same_story_seconds": policy.titles.same_story_days * 86_400,
        },
        folder=SQL,
    )
    known_at = {row["position"]: row for row in known}
    merged: dict[str, tuple[Story, bool]] = {}
    for position, story in enumerate(stories, start=1):
        row = known_at.get(position)
        joined = story if row is None else _with_known(story, row)
        # Two stories of this run may turn out to be one article of the table.
        if joined.link_hash in merged:
            joined = _union(merged[joined.link_hash][0], joined)
        merged[joined.link_hash] = (joined, row is None)
    articles = [
        Article(story, score(story, policy, now=now), is_new) for story, is_new in merged.values()
    ]
    return sorted(articles, key=lambda one: (-one.score.points, one.story.link_hash))


def _with_known(story: Story, row: dict[str, Any]) -> Story:
    # An outlet may date its own page anew; the same story elsewhere can only make it older.
    is_same_page = story.link_hash == row["link_hash"]
    published_at = story.published_at if is_same_page else None
    return story.model_copy(
        update={
            "link_hash": row["link_hash"],
            "url": row["url"],
            "published_at": published_at or _earliest(story.published_at, row["published_at"]),
            "sources": tuple(sorted({*story.sources, *row["seen_in"]})),
        }
    )


def _union(one: Story, other: Story) -> Story:
    return one.model_copy(
        update={
            "published_at": _earliest(one.published_at, other.published_at),
            "sources": tuple(sorted({*one.sources, *other.sources})),
        }
    )


def _earliest(*times: datetime | None) -> datetime | None:
    return min((time.astimezone(UTC) for time in times if time is not None), default=None)


def _row(article: Article) -> dict[str, Any]:
    story = article.story
    return {
        "link_hash": story.link_hash,
        "url": story.url,
        "title": story.title,
        "title_key": story.title_key,
        "published_at": story.published_at.isoformat() if story.published_at else None,
        "seen_in": story.sources,
        "score": article.score.points,
        "signals": [signal.model_dump() for signal in article.score.signals],
    }
