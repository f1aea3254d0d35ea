"""Jobs, their events, runners, queues and idempotency keys.

Deploy: before the code that needs it.
"""

from alembic import op

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None

# Version 7 puts the time first, so that new keys land on the same few pages of the index. The
# built-in function is there from PostgreSQL 18 on.
UUID7 = """
do $$
begin
  if current_setting('server_version_num')::integer >= 180000 then
    create function ops_uuid7() returns uuid language sql volatile parallel safe
      as 'select uuidv7()';
  else
    create function ops_uuid7() returns uuid language sql volatile parallel safe
      as $body$
        select encode(
                 set_bit(
                   set_bit(
                     overlay(
                       uuid_send(gen_random_uuid())
                       placing substring(
                         int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3
                       )
                       from 1 for 6
                     ),
                     52, 1
                   ),
                   53, 1
                 ),
                 'hex'
               )::uuid
      $body$;
  end if;
end
$$
"""

# A domain is checked when a value comes in; a CHECK of the table is evaluated again by every claim
# and every finish, and the two patterns alone cost a quarter of the engine's rate.
DOMAINS = """
create domain ops_name as text check (value ~ '^[a-z][a-z0-9_]{0,99}$');
create domain ops_object as jsonb check (jsonb_typeof(value) = 'object')
"""

JOBS = """
create table ops_jobs (
  id                  uuid        not null default ops_uuid7(),
  job_type            ops_name    not null,
  queue               ops_name    not null default 'default',
  status              text        not null default 'queued',
  priority            smallint    not null default 5,
  payload             ops_object  not null default '{}',
  result              jsonb,
  error               text,
  attempt             integer     not null default 0,
  max_attempts        integer,
  progress            jsonb,
  created_at          timestamptz not null default now(),
  available_at        timestamptz not null default now(),
  started_at          timestamptz,
  finished_at         timestamptz,
  updated_at          timestamptz not null default now(),
  cancel_requested_at timestamptz,
  requested_by        text,
  request_id          text,
  runner_instance     uuid,
  claim_seq           bigint      not null default 0,
  rescues             integer     not null default 0,
  timeout_seconds     integer,
  tags                text[]      not null default '{}',
  concurrency_key     text        not null default '',
  dedupe_key          text,
  active_dedupe_key   text,
  replay_of           uuid,
  schedule_id         uuid,
  seq                 bigint      not null generated always as identity,
  ready               boolean     not null default true,
  constraint pk_ops_jobs primary key (id),
  constraint ck_ops_jobs_status_known
    check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  constraint ck_ops_jobs_priority_in_range check (priority between 0 and 9),
  constraint ck_ops_jobs_attempts_bounded
    check (attempt >= 0 and (max_attempts is null or max_attempts between 1 and 100)
           and (max_attempts is null or attempt <= max_attempts)),
  constraint ck_ops_jobs_counts_not_negative check (claim_seq >= 0 and rescues >= 0),
  constraint ck_ops_jobs_timeout_in_range check (timeout_seconds between 1 and 86400),
  constraint ck_ops_jobs_ready_when_queued check (ready = (status = 'queued')),
  constraint ck_ops_jobs_running_has_holder
    check (status <> 'running' or (runner_instance is not null and started_at is not null)),
  constraint ck_ops_jobs_final_has_end
    check ((status in ('succeeded', 'failed', 'cancelled')) = (finished_at is not null)),
  constraint ck_ops_jobs_final_frees_dedupe_key
    check (active_dedupe_key is null
           or (active_dedupe_key = dedupe_key and status in ('queued', 'running'))),
  constraint ck_ops_jobs_available_at_finite
    check (available_at between '2000-01-01' and '2200-01-01')
) with (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.05
)
"""

EVENTS = """
create table ops_job_events (
  job_id    uuid        not null,
  id        bigint      not null generated always as identity,
  kind      text        not null,
  at        timestamptz not null default clock_timestamp(),
  actor     text        not null,
  attempt   integer,
  claim_seq bigint,
  message   text,
  data      jsonb,
  constraint pk_ops_job_events primary key (job_id, id),
  constraint ck_ops_job_events_kind_known check (kind in (
    'queued', 'running', 'succeeded', 'retry_scheduled', 'failed', 'rejected', 'released',
    'rescued', 'cancelled', 'cancel_requested', 'requeued', 'progress', 'log', 'output'
  ))
)
"""

RUNNERS = """
create table ops_runners (
  id         uuid        not null,
  name       text        not null,
  host       text        not null,
  pid        integer     not null,
  version    text        not null,
  allowlist  text[]      not null,
  slots      integer     not null,
  started_at timestamptz not null default now(),
  seen_at    timestamptz not null default now(),
  stopped_at timestamptz,
  constraint pk_ops_runners primary key (id),
  constraint ck_ops_runners_has_slots check (slots > 0)
)
"""

# What a runner holds: one row for all claims of one statement, deleted when the last is closed. An
# index of running jobs would make every finish rewrite the indexes of its row: twice the cost.
CLAIMS = """
create table ops_claims (
  id              bigint      not null generated always as identity,
  runner_instance uuid        not null,
  job_ids         uuid[]      not null,
  claim_seqs      bigint[]    not null,
  claimed_at      timestamptz not null default now(),
  constraint pk_ops_claims primary key (id),
  constraint ck_ops_claims_pairs check (cardinality(job_ids) = cardinality(claim_seqs))
)
"""

# One row for each job type whose handlers are limited: whoever claims such jobs locks it first.
LIMITS = """
create table ops_limits (
  job_type    ops_name         not null,
  tokens      double precision not null default 0,
  refilled_at timestamptz      not null default '2000-01-01',
  constraint pk_ops_limits primary key (job_type),
  constraint ck_ops_limits_tokens_not_negative check (tokens >= 0)
)
"""

QUEUES = """
create table ops_queues (
  name         ops_name not null,
  paused_at    timestamptz,
  paused_by    text,
  pause_reason text,
  resume_at    timestamptz,
  constraint pk_ops_queues primary key (name),
  constraint ck_ops_queues_pause_has_author check ((paused_at is null) = (paused_by is null))
)
"""

IDEMPOTENCY_KEYS = """
create table ops_idempotency_keys (
  key         text        not null,
  body_sha256 bytea       not null,
  job_id      uuid        not null,
  created_at  timestamptz not null default now(),
  constraint pk_ops_idempotency_keys primary key (key),
  constraint ck_ops_idempotency_keys_is_sha256 check (octet_length(body_sha256) = 32)
)
"""

INDEXES = """
create index ix_ops_jobs_ready
  on ops_jobs (priority, queue, job_type, concurrency_key, available_at, seq)
  where ready;
create unique index uq_ops_jobs_active_dedupe_key on ops_jobs (job_type, active_dedupe_key)
  where active_dedupe_key is not null;
create index ix_ops_idempotency_keys_created_at on ops_idempotency_keys (created_at)
"""


def upgrade() -> None:
    op.execute(UUID7)
    for domain in DOMAINS.split(";"):
        op.execute(domain)
    for table in (JOBS, EVENTS, RUNNERS, CLAIMS, LIMITS, QUEUES, IDEMPOTENCY_KEYS):
        op.execute(table)
    for index in INDEXES.split(";"):
        op.execute(index)


def downgrade() -> None:
    for table in (
        "ops_idempotency_keys", "ops_queues", "ops_limits", "ops_claims", "ops_runners",
        "ops_job_events", "ops_jobs",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute("drop domain ops_object")
    op.execute("drop domain ops_name")
    op.execute("drop function ops_uuid7()")
