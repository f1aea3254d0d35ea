"""What the database's schema is at, without loading Alembic: the control plane's question."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

if TYPE_CHECKING:
    from sqlalchemy import Connection

# The newest revision of each branch; a contract test holds it against the migrations.
HEADS = {
    "core": "core_0009",
    "nearsight": "nearsight_0001",
    "captorator": "captorator_0001",
    "metrics": "metrics_0001",
    "schedules": "schedules_0001",
}


def found_heads(conn: Connection) -> frozenset[str]:
    """Return the revisions the database is at; none where nothing was ever migrated."""
    if not inspect(conn).has_table("alembic_version"):
        return frozenset()
    return frozenset(conn.scalars(text("select version_num from alembic_version")))


def expected_heads(features: Collection[str]) -> frozenset[str]:
    """Return the revisions that the core and the enabled features need."""
    return frozenset(HEADS[branch] for branch in ("core", *sorted(features)))


def is_current(conn: Connection, features: Collection[str]) -> bool:
    """Whether the database has what the code needs; tables of a feature switched off may stay."""
    return expected_heads(features) <= found_heads(conn)
