"""Figures of finished jobs, indexes of how jobs ended, and the SQL function ops_enqueue.

Deploy: before the code that needs it.
"""

from alembic import op

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None

STATS = """
create table ops_stats (
  minute       timestamptz      not null,
  job_type     text             not null,
  succeeded    bigint           not null default 0,
  failed       bigint           not null default 0,
  cancelled    bigint           not null default 0,
  runs         bigint           not null default 0,
  run_seconds  double precision not null default 0,
  wait_seconds double precision not null default 0,
  constraint pk_ops_stats primary key (minute, job_type)
)
"""

# One row: how far the events are counted. `marked_id` is the newest event id that was given out
# when the mark was set, `marked_xid` the first transaction that began after that.
STATS_MARK = """
create table ops_stats_mark (
  only_row   boolean     not null default true,
  counted_id bigint      not null default 0,
  counted_at timestamptz not null default '2000-01-01',
  marked_id  bigint      not null default 0,
  marked_xid bigint      not null default 0,
  marked_at  timestamptz not null default '2000-01-01',
  constraint pk_ops_stats_mark primary key (only_row),
  constraint ck_ops_stats_mark_is_one_row check (only_row)
)
"""

# Events are only ever appended: an index of theirs costs an insert where its predicate holds, and
# nothing else. An index of ops_jobs on the same facts would make every finish rewrite all indexes.
INDEXES = """
create index ix_ops_job_events_ended on ops_job_events (id)
  where kind in ('succeeded', 'failed', 'rejected', 'rescued', 'cancelled');
create index ix_ops_job_events_not_succeeded on ops_job_events (job_id)
  where kind in ('failed', 'rejected', 'rescued', 'cancelled')
"""

OPS_ENQUEUE = """
create function ops_enqueue(
  job_type        text,
  payload         jsonb            default '{}',
  queue           text             default 'default',
  priority        integer          default 5,
  available_at    timestamptz      default null,
  delay_seconds   double precision default null,
  max_attempts    integer          default null,
  timeout_seconds integer          default null,
  dedupe_key      text             default null,
  concurrency_key text             default '',
  tags            text[]           default '{}',
  requested_by    text             default null
) returns uuid
  language plpgsql
  set search_path from current
as $body$
#variable_conflict use_column
declare
  found_id uuid;
begin
  -- The job that holds the dedupe key may end between the two statements; then the key is free.
  for try in 1 .. 5 loop
    with inserted as (
      insert into ops_jobs (
               job_type, queue, priority, payload, available_at, max_attempts, timeout_seconds,
               concurrency_key, dedupe_key, active_dedupe_key, tags, requested_by
             )
      values (
               ops_enqueue.job_type, ops_enqueue.queue, ops_enqueue.priority, ops_enqueue.payload,
               coalesce(
                 ops_enqueue.available_at,
                 now() + make_interval(secs => coalesce(ops_enqueue.delay_seconds, 0))
               ),
               ops_enqueue.max_attempts, ops_enqueue.timeout_seconds,
               coalesce(ops_enqueue.concurrency_key, ''), ops_enqueue.dedupe_key,
               ops_enqueue.dedupe_key, coalesce(ops_enqueue.tags, '{}'), ops_enqueue.requested_by
             )
          on conflict (job_type, active_dedupe_key) where active_dedupe_key is not null do nothing
      returning id
    ),
    event as (
      insert into ops_job_events (job_id, kind, actor, attempt)
      select id, 'queued', 'user:' || session_user, 0
        from inserted
    )
    select id into found_id from inserted;
    if found_id is null then
      select id into found_id
        from ops_jobs
       where job_type = ops_enqueue.job_type
         and active_dedupe_key = ops_enqueue.dedupe_key;
    end if;
    if found_id is not null then
      return found_id;
    end if;
  end loop;
  raise exception 'a dedupe key kept changing hands; try again' using errcode = '40001';
end
$body$
"""


def upgrade() -> None:
    op.execute(STATS)
    op.execute(STATS_MARK)
    for index in INDEXES.split(";"):
        op.execute(index)
    op.execute(OPS_ENQUEUE)


def downgrade() -> None:
    op.execute("drop function ops_enqueue")
    op.execute("drop index ix_ops_job_events_not_succeeded")
    op.execute("drop index ix_ops_job_events_ended")
    op.drop_table("ops_stats_mark")
    op.drop_table("ops_stats")
