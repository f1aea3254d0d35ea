"""The core tables. The migrations own the schema; this is how queries name it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.db.metadata import metadata

_NOW = text("now()")
_CLOCK = text("clock_timestamp()")
_EMPTY_OBJECT = text("'{}'::jsonb")
_EMPTY_LIST = text("'{}'::text[]")


def _time(name: str, *, default: object = None) -> Column[object]:
    return Column(
        name,
        DateTime(timezone=True),
        nullable=default is None,
        server_default=default,  # type: ignore[arg-type]
    )


ops_jobs = Table(
    "ops_jobs",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("ops_uuid7()")),
    Column("job_type", Text, nullable=False),
    Column("queue", Text, nullable=False, server_default="default"),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("priority", SmallInteger, nullable=False, server_default="5"),
    Column("payload", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("result", JSONB(none_as_null=True)),
    Column("error", Text),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer),
    Column("progress", JSONB(none_as_null=True)),
    _time("created_at", default=_NOW),
    _time("available_at", default=_NOW),
    _time("started_at"),
    _time("finished_at"),
    _time("updated_at", default=_NOW),
    _time("cancel_requested_at"),
    Column("requested_by", Text),
    Column("request_id", Text),
    Column("runner_instance", Uuid),
    Column("claim_seq", BigInteger, nullable=False, server_default="0"),
    Column("rescues", Integer, nullable=False, server_default="0"),
    Column("timeout_seconds", Integer),
    Column("tags", ARRAY(Text), nullable=False, server_default=_EMPTY_LIST),
    Column("concurrency_key", Text, nullable=False, server_default=""),
    Column("dedupe_key", Text),
    Column("active_dedupe_key", Text),
    Column("replay_of", Uuid),
    Column("schedule_id", Uuid),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("ready", Boolean, nullable=False, server_default=text("true")),
    Index(
        "ix_ops_jobs_ready",
        "priority",
        "queue",
        "job_type",
        "concurrency_key",
        "available_at",
        "seq",
        postgresql_where=text("ready"),
    ),
    Index(
        "uq_ops_jobs_active_dedupe_key",
        "job_type",
        "active_dedupe_key",
        unique=True,
        postgresql_where=text("active_dedupe_key is not null"),
    ),
)

ops_job_events = Table(
    "ops_job_events",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    _time("at", default=_CLOCK),
    Column("actor", Text, nullable=False),
    Column("attempt", Integer),
    Column("claim_seq", BigInteger),
    Column("message", Text),
    Column("data", JSONB(none_as_null=True)),
    Index(
        "ix_ops_job_events_ended",
        "id",
        postgresql_where=text(
            "kind in ('succeeded', 'failed', 'rejected', 'rescued', 'cancelled')"
        ),
    ),
    Index(
        "ix_ops_job_events_not_succeeded",
        "job_id",
        postgresql_where=text("kind in ('failed', 'rejected', 'rescued', 'cancelled')"),
    ),
)

ops_runners = Table(
    "ops_runners",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("allowlist", ARRAY(Text), nullable=False),
    Column("slots", Integer, nullable=False),
    _time("started_at", default=_NOW),
    _time("seen_at", default=_NOW),
    _time("stopped_at"),
)

ops_claims = Table(
    "ops_claims",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("runner_instance", Uuid, nullable=False),
    Column("job_ids", ARRAY(Uuid), nullable=False),
    Column("claim_seqs", ARRAY(BigInteger), nullable=False),
    _time("claimed_at", default=_NOW),
)

ops_limits = Table(
    "ops_limits",
    metadata,
    Column("job_type", Text, primary_key=True),
    Column("tokens", Double, nullable=False, server_default="0"),
    _time("refilled_at", default=text("'2000-01-01'")),
    Column("most_running", Integer),
    Column("most_for_key", Integer),
    Column("rate", Double),
    Column("burst", Double),
)

ops_queues = Table(
    "ops_queues",
    metadata,
    Column("name", Text, primary_key=True),
    _time("paused_at"),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    _time("resume_at"),
)

ops_idempotency_keys = Table(
    "ops_idempotency_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("body_sha256", LargeBinary, nullable=False),
    Column("job_id", Uuid, nullable=False),
    _time("created_at", default=_NOW),
    Index("ix_ops_idempotency_keys_created_at", "created_at"),
)

ops_stats = Table(
    "ops_stats",
    metadata,
    Column("minute", DateTime(timezone=True), primary_key=True),
    Column("job_type", Text, primary_key=True),
    Column("succeeded", BigInteger, nullable=False, server_default="0"),
    Column("failed", BigInteger, nullable=False, server_default="0"),
    Column("cancelled", BigInteger, nullable=False, server_default="0"),
    Column("runs", BigInteger, nullable=False, server_default="0"),
    Column("run_seconds", Double, nullable=False, server_default="0"),
    Column("wait_seconds", Double, nullable=False, server_default="0"),
)

ops_stats_mark = Table(
    "ops_stats_mark",
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("counted_id", BigInteger, nullable=False, server_default="0"),
    _time("counted_at", default=text("'2000-01-01'")),
    Column("marked_id", BigInteger, nullable=False, server_default="0"),
    Column("marked_xid", BigInteger, nullable=False, server_default="0"),
    _time("marked_at", default=text("'2000-01-01'")),
)
