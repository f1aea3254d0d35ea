-- reject_unserved: queued -> failed
--
-- Jobs that were due for long and whose type no runner allows that has not said goodbye. Only
-- lanes that nobody serves are read. A paused queue is not unserved.
with unserved as materialized (
  select priority, queue, job_type, concurrency_key
    from ops_lanes
   where due_at <= now() - make_interval(secs => :after_seconds)
     and not exists (
           select
             from ops_runners r
            where r.stopped_at is null
              and ops_lanes.job_type = any(r.allowlist)
         )
     and queue <> all(array(
           select name
             from ops_queues
            where paused_at is not null
              and (resume_at is null or resume_at > now())
         ))
),
due as materialized (
  select job.id
    from unserved
   cross join lateral (
           select j.id
             from ops_jobs j
            where j.ready
              and j.priority = unserved.priority
              and j.queue = unserved.queue
              and j.job_type = unserved.job_type
              and j.concurrency_key = unserved.concurrency_key
              and j.available_at <= now() - make_interval(secs => :after_seconds)
            order by j.available_at, j.seq
            limit :limit::integer
              for update skip locked
         ) job
   limit :limit::integer
),
rejected as (
  update ops_jobs j
     set status = 'failed',
         ready = false,
         error = 'no runner allowed this job type for too long',
         active_dedupe_key = null,
         finished_at = clock_timestamp(),
         updated_at = clock_timestamp()
    from due
   where j.id = due.id
  returning j.id, j.claim_seq, j.attempt, j.error
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message)
  select id, 'rejected', :actor, attempt, claim_seq, error
    from rejected
)
select id
  from rejected
