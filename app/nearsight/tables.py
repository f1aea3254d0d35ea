"""Nearsight's tables. The migrations own the schema; this is how queries name it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.db.metadata import metadata

_NOW = text("now()")

nearsight_sources = Table(
    "nearsight_sources",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("last_fetched_at", DateTime(timezone=True)),
    Column("last_error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    UniqueConstraint("name"),
    UniqueConstraint("url"),
)

nearsight_articles = Table(
    "nearsight_articles",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("link_hash", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_key", Text, index=True),
    Column("published_at", DateTime(timezone=True)),
    Column("seen_in", ARRAY(Text), nullable=False),
    Column("score", Double, nullable=False),
    Column("signals", JSONB, nullable=False),
    Column("first_seen_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("last_seen_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("last_job_id", Uuid, nullable=False),
    UniqueConstraint("link_hash"),
)
