"""Enqueues many jobs by COPY, the fastest way into a table: the jobs first, then their events.

The one verb that is two statements: both lie in the caller's transaction. The time comes from the
database, which alone knows the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from app.jobs.ids import new_ids
from app.jobs.insertion import to_json
from app.jobs.job import NewJob

if TYPE_CHECKING:
    import psycopg

_TIMES = "select now(), clock_timestamp()"
_NO_TAGS = "{}"  # in the server's own words: psycopg takes longer for an empty array than for a row
_EVENTS = """
insert into ops_job_events (job_id, kind, actor, attempt)
select id, 'queued', %s, 0
  from unnest(%b::uuid[]) with ordinality as new (id, place)
 order by place
"""


def copy_jobs(conn: psycopg.Connection[Any], jobs: Sequence[NewJob], *, actor: str) -> list[UUID]:
    """Write jobs that have no dedupe key; returns their ids in the order given."""
    if not jobs:
        return []
    cursor = conn.cursor(row_factory=tuple_row)  # the connection may be the caller's, with another
    ((now, made_at),) = cursor.execute(_TIMES).fetchall()
    ids: list[UUID] = []
    columns = {"id": new_ids(made_at, len(jobs)), **_columns(jobs, now)}
    names = SQL(", ").join(map(Identifier, columns))
    with cursor.copy(SQL("copy ops_jobs ({}) from stdin").format(names)) as copy:
        # Row by row, so that ids and texts are made here while the server is at the rows before.
        for row in zip(*columns.values(), strict=True):
            ids.append(row[0])
            copy.write_row(row)
    cursor.execute(_EVENTS, [actor, ids])
    return ids


def _columns(jobs: Sequence[NewJob], now: datetime) -> dict[str, Iterable[Any]]:
    """Return the columns in which a job differs from the defaults, which are also the table's.

    What is not sent costs nothing: of fourteen columns most jobs need three.
    """
    defaults = NewJob._field_defaults
    asked = {
        name: values
        for name, values in zip(NewJob._fields, zip(*jobs, strict=True), strict=True)
        if name not in defaults or values.count(defaults[name]) < len(jobs)
    }
    columns: dict[str, Iterable[Any]] = {**asked}
    if "payload" in asked:
        columns["payload"] = (to_json(dict(payload)) for payload in asked["payload"])
    if "tags" in asked:
        columns["tags"] = [list(tags) or _NO_TAGS for tags in asked["tags"]]
    if columns.pop("delay_seconds", None) is not None:
        columns["available_at"] = [
            job.available_at or now + timedelta(seconds=job.delay_seconds or 0) for job in jobs
        ]
    elif "available_at" in asked:
        columns["available_at"] = [due_at or now for due_at in asked["available_at"]]
    return columns
