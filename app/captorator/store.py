"""The end of a composition: its row in `captorator_runs`, one per job."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.types.json import Jsonb

from app.captorator.result import CaptionResult, Composed
from app.captorator.sql import SQL
from app.jobs.statements import run

if TYPE_CHECKING:
    from app.db.connection import AnyConnection


def store(connection: AnyConnection, job_id: UUID, composed: Composed) -> CaptionResult:
    """Keep the caption. A requeued job that runs again replaces its row."""
    request, result = composed.request, composed.result
    run(
        connection,
        "upsert_run",
        {
            "job_id": job_id,
            "profile": request.profile,
            "platform": request.platform,
            "request": Jsonb(request.model_dump(mode="json")),
            "caption": result.caption,
            "hashtags": result.hashtags,
            "checks": Jsonb([check.model_dump() for check in result.checks]),
        },
        folder=SQL,
    )
    return result
