"""Schedules, and the occurrences that were fired.

Deploy: before the code that needs it. Leans on no object of the core, so that either branch can be
taken back alone.
"""

from alembic import op

revision = "schedules_0001"
down_revision = None
branch_labels = ("schedules",)
depends_on = None

# What ends in a job is checked as ops_jobs checks it: a fire cannot fail on its own schedule.
SCHEDULES = """
create table ops_schedules (
  id              uuid        not null default gen_random_uuid(),
  name            text        not null,
  cron            text        not null,
  time_zone       text        not null default 'UTC',
  job_type        text        not null,
  payload         jsonb       not null default '{}',
  queue           text        not null default 'default',
  priority        smallint    not null default 5,
  max_attempts    integer,
  timeout_seconds integer,
  tags            text[]      not null default '{}',
  missed_policy   text        not null default 'last',
  catch_up_most   integer     not null default 10,
  paused_at       timestamptz,
  paused_by       text,
  pause_reason    text,
  next_at         timestamptz,
  caught_up_to    timestamptz not null default now(),
  last_fired_for  timestamptz,
  last_missed_for timestamptz,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  created_by      text,
  constraint pk_ops_schedules primary key (id),
  constraint uq_ops_schedules_name unique (name),
  constraint ck_ops_schedules_names_well_formed
    check (name ~ '^[a-z][a-z0-9_]{0,99}$' and job_type ~ '^[a-z][a-z0-9_]{0,99}$'
           and queue ~ '^[a-z][a-z0-9_]{0,99}$'),
  constraint ck_ops_schedules_cron_short check (length(cron) between 9 and 100),
  constraint ck_ops_schedules_payload_is_object check (jsonb_typeof(payload) = 'object'),
  constraint ck_ops_schedules_priority_in_range check (priority between 0 and 9),
  constraint ck_ops_schedules_attempts_bounded check (max_attempts between 1 and 100),
  constraint ck_ops_schedules_timeout_in_range check (timeout_seconds between 1 and 86400),
  constraint ck_ops_schedules_missed_policy_known check (missed_policy in ('skip', 'last', 'all')),
  constraint ck_ops_schedules_catch_up_bounded check (catch_up_most between 1 and 100),
  constraint ck_ops_schedules_pause_has_author check ((paused_at is null) = (paused_by is null)),
  constraint ck_ops_schedules_paused_is_never_due check (paused_at is null or next_at is null)
)
"""

# One row, and so one job, for each occurrence of a schedule, whoever fires it.
FIRES = """
create table ops_schedule_fires (
  schedule_id   uuid        not null,
  occurrence_at timestamptz not null,
  fired_at      timestamptz not null default clock_timestamp(),
  fired_by      text        not null,
  job_id        uuid        not null,
  constraint pk_ops_schedule_fires primary key (schedule_id, occurrence_at),
  constraint fk_ops_schedule_fires_schedule_id foreign key (schedule_id)
    references ops_schedules (id) on delete cascade
)
"""

DUE = "create index ix_ops_schedules_next_at on ops_schedules (next_at)"


def upgrade() -> None:
    for statement in (SCHEDULES, FIRES, DUE):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("ops_schedule_fires")
    op.drop_table("ops_schedules")
