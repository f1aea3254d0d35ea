-- Counts jobs that ended into the figures of their minute and type. Ids of events commit out of order:
-- the count goes up to the mark, and waits until no transaction is left that could bring an event
-- below it. Two counters share nothing: the second finds the mark locked and counts nothing.
with mark as materialized (
  select counted_id, marked_id, marked_at
    from ops_stats_mark
   where (counted_id < marked_id or counted_at < marked_at)
     and marked_xid <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
     for update skip locked
),
ended as materialized (
  select event.id, event.job_id, event.kind, event.at, event.claim_seq, event.status
    from mark
   cross join lateral (
           select e.id, e.job_id, e.kind, e.at, e.claim_seq, e.data ->> 'status' as status
             from ops_job_events e
            where e.kind in ('succeeded', 'failed', 'rejected', 'rescued', 'cancelled')
              and e.id > mark.counted_id
              and e.id <= mark.marked_id
            order by e.id
            limit :limit::integer
         ) event
),
figure as (
  select date_trunc('minute', ended.at) as minute,
         job.job_type,
         count(*) filter (where ended.kind = 'succeeded') as succeeded,
         count(*) filter (where ended.kind in ('failed', 'rejected', 'rescued')) as failed,
         count(*) filter (where ended.kind = 'cancelled') as cancelled,
         count(*) filter (where job.ran) as runs,
         coalesce(sum(job.run_seconds) filter (where job.ran), 0) as run_seconds,
         coalesce(sum(job.wait_seconds) filter (where job.ran), 0) as wait_seconds
    from ended
   cross join lateral (
           select j.job_type,
                  ended.kind in ('succeeded', 'failed')
                    and j.claim_seq = ended.claim_seq
                    and j.finished_at is not null as ran,
                  extract(epoch from j.finished_at - j.started_at) as run_seconds,
                  extract(epoch from greatest(j.started_at - j.available_at, '0')) as wait_seconds
             from ops_jobs j
            where j.id = ended.job_id
           offset 0  -- one probe for each, whatever the planner thinks of their number
         ) job
   where ended.kind <> 'rescued'
      or ended.status = 'failed'
   group by date_trunc('minute', ended.at), job.job_type
),
counted as (
  insert into ops_stats (
           minute, job_type, succeeded, failed, cancelled, runs, run_seconds, wait_seconds
         )
  select minute, job_type, succeeded, failed, cancelled, runs, run_seconds, wait_seconds
    from figure
      on conflict (minute, job_type) do update
     set succeeded = ops_stats.succeeded + excluded.succeeded,
         failed = ops_stats.failed + excluded.failed,
         cancelled = ops_stats.cancelled + excluded.cancelled,
         runs = ops_stats.runs + excluded.runs,
         run_seconds = ops_stats.run_seconds + excluded.run_seconds,
         wait_seconds = ops_stats.wait_seconds + excluded.wait_seconds
),
reached as (
  select case when count(*) < :limit::integer then max(mark.marked_id) else max(ended.id) end as id,
         case when count(*) < :limit::integer then max(mark.marked_at) else max(ended.at) end as at
    from mark
    left join ended on true
)
update ops_stats_mark
   set counted_id = reached.id,
       counted_at = reached.at
  from reached
 where reached.id is not null
returning counted_id < marked_id as has_more
