"""The lanes that have jobs, without a walk through those of which the caller knows how far it came.

Deploy: before the code that needs it.
"""

from alembic import op

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None

# While somebody holds a snapshot, every claimed entry stays in the ready index, dead and not
# removable, and a probe that begins at the front of its lane walks them all. So a known lane is
# probed from its mark on, and unknown ones are looked for in the gaps between the known: a probe of
# a gap ends where the next known lane begins. A client may invent any number of lanes: no more than
# 2000 are looked for at once.
LANES_FROM = """
create function ops_lanes_from(
  known_priorities smallint[] default '{}',
  known_queues text[] default '{}',
  known_job_types text[] default '{}',
  known_concurrency_keys text[] default '{}',
  known_dues timestamptz[] default '{}',
  known_marks bigint[] default '{}'
)
returns table (
  priority smallint, queue text, job_type text, concurrency_key text,
  due_at timestamptz, mark bigint
)
language sql stable
as $$
with recursive known as (
  select k.priority, k.queue, k.job_type, k.concurrency_key, k.due_at, k.mark
    from unnest(
           known_priorities, known_queues, known_job_types, known_concurrency_keys,
           known_dues, known_marks
         ) as k (priority, queue, job_type, concurrency_key, due_at, mark)
),
gap as (
  select b.priority, b.queue, b.job_type, b.concurrency_key,
         lead(b.priority, 1, 32767::smallint) over in_order as until_priority,
         lead(b.queue, 1, '') over in_order as until_queue,
         lead(b.job_type, 1, '') over in_order as until_job_type,
         lead(b.concurrency_key, 1, '') over in_order as until_concurrency_key
    from (
           select (-32768)::smallint as priority, '' as queue, '' as job_type,
                  '' as concurrency_key
            union all
           select known.priority, known.queue, known.job_type, known.concurrency_key
             from known
         ) b
  window in_order as (order by b.priority, b.queue, b.job_type, b.concurrency_key)
),
lane as (
  select first.priority, first.queue, first.job_type, first.concurrency_key,
         first.available_at, first.seq,
         gap.until_priority, gap.until_queue, gap.until_job_type, gap.until_concurrency_key
    from gap
   cross join lateral (
           select j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at, j.seq
             from ops_jobs j
            where j.ready
              and (j.priority, j.queue, j.job_type, j.concurrency_key)
                  > (gap.priority, gap.queue, gap.job_type, gap.concurrency_key)
              and (j.priority, j.queue, j.job_type, j.concurrency_key)
                  < (gap.until_priority, gap.until_queue, gap.until_job_type,
                     gap.until_concurrency_key)
            order by j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at, j.seq
            limit 1
         ) first
   union all
  select next.priority, next.queue, next.job_type, next.concurrency_key,
         next.available_at, next.seq,
         lane.until_priority, lane.until_queue, lane.until_job_type, lane.until_concurrency_key
    from lane
   cross join lateral (
           select j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at, j.seq
             from ops_jobs j
            where j.ready
              and (j.priority, j.queue, j.job_type, j.concurrency_key)
                  > (lane.priority, lane.queue, lane.job_type, lane.concurrency_key)
              and (j.priority, j.queue, j.job_type, j.concurrency_key)
                  < (lane.until_priority, lane.until_queue, lane.until_job_type,
                     lane.until_concurrency_key)
            order by j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at, j.seq
            limit 1
         ) next
),
found as (
  select lane.priority, lane.queue, lane.job_type, lane.concurrency_key,
         lane.available_at, lane.seq
    from lane
   limit 2000
)
select found.priority, found.queue, found.job_type, found.concurrency_key,
       found.available_at, found.seq - 1
  from found
 union all
select known.priority, known.queue, known.job_type, known.concurrency_key,
       first.available_at, first.seq - 1
  from known
 cross join lateral (
         select j.available_at, j.seq
           from ops_jobs j
          where j.ready
            and j.priority = known.priority
            and j.queue = known.queue
            and j.job_type = known.job_type
            and j.concurrency_key = known.concurrency_key
            and (j.available_at, j.seq) > (known.due_at, known.mark)
          order by j.available_at, j.seq
          limit 1
       ) first
$$
"""


def upgrade() -> None:
    op.execute(LANES_FROM)


def downgrade() -> None:
    op.execute("drop function ops_lanes_from")
