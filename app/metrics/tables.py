"""Metrics' tables. The migrations own the schema; this is how queries name it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from app.db.metadata import metadata

_NOW = text("now()")

metrics_pages = Table(
    "metrics_pages",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("platform", Text, nullable=False),
    Column("page", Text, nullable=False),
    Column("page_key", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    UniqueConstraint("platform", "page_key"),
)

metrics_snapshots = Table(
    "metrics_snapshots",
    metadata,
    Column(
        "page_id",
        BigInteger,
        ForeignKey("metrics_pages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("taken_on", Date, primary_key=True),
    Column("followers", BigInteger, nullable=False),
    Column("posts", BigInteger, nullable=False),
    Column("engagement", BigInteger, nullable=False),
    Column("collected_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("job_id", Uuid, nullable=False),
)
