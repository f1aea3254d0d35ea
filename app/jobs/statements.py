"""Loads the named statements of a `sql/` folder and runs them on any kind of connection.

Parameters are written `:name`, as psql takes them, and handed to psycopg as `%(name)s`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row, tuple_row

from app.db.connection import driver_connection

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

SQL = Path(__file__).parent / "sql"
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


@cache
def statement(name: str, folder: Path = SQL, style: str = "s") -> bytes:
    """Return the text of <folder>/<name>.sql in psycopg's parameter style, "b" for binary."""
    text = (folder / f"{name}.sql").read_text(encoding="utf-8")
    return _PARAMETER.sub(rf"%(\1){style}", text.replace("%", "%%")).encode()


def run(
    conn: AnyConnection, name: str, parameters: dict[str, Any], *, folder: Path = SQL
) -> list[dict[str, Any]]:
    """Run the named statement inside the caller's transaction and return its rows."""
    cursor = driver_connection(conn).cursor(row_factory=dict_row)
    cursor.execute(statement(name, folder), parameters)
    # Not `description`: it describes each column, which costs as much as to read a row.
    return cursor.fetchall() if cursor.rownumber is not None else []


def run_fast(conn: AnyConnection, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement of the engine's hot path; its rows come as plain tuples.

    Arrays travel in binary, too: as text psycopg takes 2 to 4 us to write a job's three elements.
    """
    return run_text_fast(conn, statement(name, style="b"), parameters)


def run_text_fast(
    conn: AnyConnection, text: bytes, parameters: dict[str, Any] | list[Any]
) -> list[tuple[Any, ...]]:
    """Do the same with a statement that is in no file."""
    cursor = driver_connection(conn).cursor(row_factory=tuple_row, binary=True)
    return cursor.execute(text, parameters).fetchall()
