"""Captorator's table. The migrations own the schema; this is how queries name it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.db.metadata import metadata

captorator_runs = Table(
    "captorator_runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("profile", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("request", JSONB, nullable=False),
    Column("caption", Text, nullable=False),
    Column("hashtags", ARRAY(Text), nullable=False),
    Column("checks", JSONB, nullable=False),
    Column(
        "created_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("now()"),
        index=True,
    ),
    UniqueConstraint("job_id"),
)
