"""The sources that the database knows: read before a collection, told afterwards how they fared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.jobs.query import rows
from app.jobs.statements import run
from app.nearsight.payload import MAX_SOURCES, CollectPayload, Source
from app.nearsight.sql import SQL
from app.nearsight.story import SourceOutcome
from app.nearsight.tables import nearsight_sources

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


def load(connection: AnyConnection, payload: CollectPayload) -> CollectPayload:
    """Fill in what the table knows: the sources to read if none is named, and their validators."""
    table = nearsight_sources.c
    query = select(table.name, table.url, table.etag, table.last_modified).limit(MAX_SOURCES)
    if not payload.sources:
        # Those that waited longest come first, should there be more than one run may read.
        waiting = query.where(table.enabled).order_by(
            table.last_fetched_at.asc().nulls_first(), table.id
        )
        enabled = [Source.model_validate(row) for row in rows(connection, waiting)]
        return payload.model_copy(update={"sources": enabled})
    named = query.where(table.url.in_([source.url for source in payload.sources]))
    validators = {
        row["url"]: {"etag": row["etag"], "last_modified": row["last_modified"]}
        for row in rows(connection, named)
    }
    sources = [
        source.model_copy(update=validators.get(source.url, {})) for source in payload.sources
    ]
    return payload.model_copy(update={"sources": sources})


def note_outcomes(connection: AnyConnection, outcomes: Sequence[SourceOutcome]) -> None:
    """Update the rows of the sources that were read; sources of the payload alone have none."""
    run(
        connection,
        "update_sources",
        {
            "urls": [outcome.url for outcome in outcomes],
            "is_read": [outcome.status == "read" for outcome in outcomes],
            "etags": [outcome.etag for outcome in outcomes],
            "last_modified": [outcome.last_modified for outcome in outcomes],
            "errors": [outcome.error for outcome in outcomes],
        },
        folder=SQL,
    )
