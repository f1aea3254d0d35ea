"""Runs SQLAlchemy Core statements on any kind of connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

if TYPE_CHECKING:
    from sqlalchemy import Delete, Insert, Select, Update

    from app.db.connection import AnyConnection

    Statement = Select[*tuple[Any, ...]] | Insert | Update | Delete

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


def rows(conn: AnyConnection, query: Statement) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries, inside the caller's transaction."""
    if isinstance(conn, psycopg.Connection):
        compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        cursor = conn.cursor(row_factory=dict_row)
        cursor.execute(str(compiled).encode(), compiled.params)
        return cursor.fetchall() if cursor.rownumber is not None else []
    result = conn.execute(query)
    return [dict(row) for row in result.mappings()] if query.is_select else []
