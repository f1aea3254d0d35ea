"""The end of a collection: its stories become articles, and the job gets its result.

It runs in the transaction that finishes the job, so it is short and commits nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from app.nearsight.articles import Article, join_known, lock_articles, upsert_articles
from app.nearsight.policy import load_policy
from app.nearsight.result import CollectResult, Headline, SourceReport
from app.nearsight.sources import note_outcomes
from app.nearsight.story import Collected

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


def store(connection: AnyConnection, job_id: UUID, collected: Collected) -> CollectResult:
    """Keep the stories, note how each source fared, and return the job's result.

    Storing the same stories again adds nothing.
    """
    lock_articles(connection)
    articles = join_known(connection, collected, load_policy())
    upsert_articles(connection, articles, job_id)
    note_outcomes(connection, collected.sources)
    return _result(collected, articles)


def _result(collected: Collected, articles: Sequence[Article]) -> CollectResult:
    new = sum(article.is_new for article in articles)
    statuses = [outcome.status for outcome in collected.sources]
    return CollectResult(
        fetched=collected.fetched,
        new=new,
        known=len(articles) - new,
        duplicates=collected.fetched - collected.left_out - len(articles),
        left_out=collected.left_out,
        failed_sources=statuses.count("failed"),
        unchanged_sources=statuses.count("unchanged"),
        sources=[
            SourceReport(
                name=outcome.name,
                status=outcome.status,
                items=outcome.items,
                error=outcome.error,
            )
            for outcome in collected.sources
        ],
        headlines=[
            Headline(
                rank=rank,
                title=article.story.title,
                url=article.story.url,
                sources=list(article.story.sources),
                score=article.score.points,
                signals=list(article.score.signals),
                published_at=article.story.published_at,
                is_new=article.is_new,
            )
            for rank, article in enumerate(articles[: collected.limit], start=1)
        ],
        note=None if collected.sources else "no source is enabled: name some in the payload",
    )
