"""What the demo shows of the database: the rows of its jobs, and the events of one of them."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row

from app.cli.output import emit, emit_table, json_text, one_line, status
from app.cli.times import length
from app.db.connection import connect

_ROWS = "SELECT * FROM ops_jobs ORDER BY created_at DESC LIMIT 5;"
_EVENTS = (
    "SELECT at, kind, actor, claim_seq, message, data FROM ops_job_events"
    " WHERE job_id = %s ORDER BY id;"
)
_RESULT_WIDTH = 60


def emit_rows(database_url: str) -> None:
    """Print the newest jobs as they are recorded."""
    emit(("  " + _ROWS, "dim"))
    rows = _select(database_url, _ROWS)
    emit_table(
        ("job_type", "status", "attempt", "requested_by", "waited", "ran", "result"),
        [
            (
                row["job_type"],
                status(row["status"]),
                str(row["attempt"]),
                row["requested_by"] or "",
                _seconds(row["created_at"], row["started_at"]),
                _seconds(row["started_at"], row["finished_at"]),
                one_line(json_text(row["result"]), _RESULT_WIDTH),
            )
            for row in rows
        ],
        indent="  ",
    )
    if rows:
        emit((f"  7 of its {len(rows[0])} columns", "dim"))


def emit_events(database_url: str, job_id: str) -> None:
    """Print the history of a job as it is recorded."""
    emit(("  " + _EVENTS.replace("%s", f"'{job_id}'"), "dim"))
    emit_table(
        ("at", "kind", "actor", "claim_seq", "message", "data"),
        [
            (
                f"{row['at']:%H:%M:%S.%f}",
                row["kind"],
                row["actor"],
                str(row["claim_seq"] or ""),
                row["message"] or "",
                json_text(row["data"]) if row["data"] else "",
            )
            for row in _select(database_url, _EVENTS, job_id)
        ],
        indent="  ",
    )


def _select(database_url: str, query: Any, *arguments: str) -> list[dict[str, Any]]:
    with connect(database_url, application_name="ops-demo") as connection:
        return connection.cursor(row_factory=dict_row).execute(query, arguments).fetchall()


def _seconds(start: Any, end: Any) -> str:
    return length((end - start).total_seconds()) if start and end else ""
