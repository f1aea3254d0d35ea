"""The lanes that have jobs, as a view; and the ids of claims, kept as they are.

Deploy: before the code that needs it.
"""

from alembic import op

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None

# One probe of the ready index finds the next lane, whatever the length of the one before it. A
# client may invent any number of them: no more than 2000 are looked for at once.
LANES = """
create view ops_lanes as
with recursive lane as (
  (
    select priority, queue, job_type, concurrency_key, available_at
      from ops_jobs
     where ready
     order by priority, queue, job_type, concurrency_key, available_at
     limit 1
  )
  union all
  select next.priority, next.queue, next.job_type, next.concurrency_key, next.available_at
    from lane
   cross join lateral (
           select j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at
             from ops_jobs j
            where j.ready
              and (j.priority, j.queue, j.job_type, j.concurrency_key)
                  > (lane.priority, lane.queue, lane.job_type, lane.concurrency_key)
            order by j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at
            limit 1
         ) next
)
select priority, queue, job_type, concurrency_key, available_at as due_at
  from lane
 limit 2000
"""


def upgrade() -> None:
    op.execute(LANES)
    # Ids hardly get smaller, and trying to costs a twentieth of a claim of five hundred.
    op.execute("alter table ops_claims alter column job_ids set storage external")


def downgrade() -> None:
    op.execute("alter table ops_claims alter column job_ids set storage extended")
    op.execute("drop view ops_lanes")
