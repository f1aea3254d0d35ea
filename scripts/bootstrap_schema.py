"""Does the first set-up of a database: is it reachable, upgrade, verify, show the tables.

Run it with the interpreter of the project: `.venv/bin/python scripts/bootstrap_schema.py`. A second
run changes nothing. Exit code 0 when the schema is what the code needs, 1 with the reason.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
from dynaconf import ValidationError

from app.db import migrate
from app.db.connection import connect
from app.db.schema import expected_heads
from config import Settings, load_settings


def main() -> int:
    try:
        settings = load_settings("database")
    except (ValidationError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    try:
        with connect(settings.database_url_direct, timeout_seconds=10) as conn:
            print(f"Reached PostgreSQL {conn.info.server_version // 10000}.")
            return bootstrap(settings, conn)
    except psycopg.Error as error:
        reason = error.sqlstate or "no answer"
        print(f"The database did not do it ({reason}): {_first_line(error)}", file=sys.stderr)
        return 1


def bootstrap(settings: Settings, conn: psycopg.Connection[tuple[object, ...]]) -> int:
    """Upgrade the core and the enabled features, then hold the database against the code."""
    names = ", ".join(["core", *sorted(settings.features)])
    print(f"Upgrading: {names}.")
    migrate.upgrade(settings.database_url_direct, features=settings.features)
    found = {str(row[0]) for row in conn.execute("select version_num from alembic_version")}
    missing = expected_heads(settings.features) - found
    if missing:
        print(f"The schema lacks {', '.join(sorted(missing))}.", file=sys.stderr)
        return 1
    rows = conn.execute(
        "select relname, greatest(reltuples, 0)::bigint from pg_class"
        " where relkind = 'r' and relnamespace = current_schema::regnamespace order by relname"
    )
    for name, count in rows:
        print(f"  {name:<28} about {count} rows")
    print("The schema is what the code needs.")
    return 0


def _first_line(error: psycopg.Error) -> str:
    """Return what the server said; without a server's answer, only that there was none.

    A connection error of libpq names the host and the user.
    """
    return str(error.diag.message_primary or "it cannot be reached; is DATABASE_URL right?")


if __name__ == "__main__":
    sys.exit(main())
