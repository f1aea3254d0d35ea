"""The tables of schedules. The migrations own the schema; this is how queries name it."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.db.metadata import metadata

_NOW = text("now()")


def _time(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _stamp(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=_NOW)


ops_schedules = Table(
    "ops_schedules",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("name", Text, nullable=False),
    Column("cron", Text, nullable=False),
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    Column("job_type", Text, nullable=False),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("queue", Text, nullable=False, server_default="default"),
    Column("priority", SmallInteger, nullable=False, server_default="5"),
    Column("max_attempts", Integer),
    Column("timeout_seconds", Integer),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("missed_policy", Text, nullable=False, server_default="last"),
    Column("catch_up_most", Integer, nullable=False, server_default="10"),
    _time("paused_at"),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    _time("next_at"),
    _stamp("caught_up_to"),
    _time("last_fired_for"),
    _time("last_missed_for"),
    _stamp("created_at"),
    _stamp("updated_at"),
    Column("created_by", Text),
    UniqueConstraint("name"),
    Index("ix_ops_schedules_next_at", "next_at"),
)

ops_schedule_fires = Table(
    "ops_schedule_fires",
    metadata,
    Column(
        "schedule_id", Uuid, ForeignKey("ops_schedules.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("occurrence_at", DateTime(timezone=True), primary_key=True),
    Column(
        "fired_at", DateTime(timezone=True), nullable=False,
        server_default=text("clock_timestamp()"),
    ),
    Column("fired_by", Text, nullable=False),
    Column("job_id", Uuid, nullable=False),
)  # fmt: skip
