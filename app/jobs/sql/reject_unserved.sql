-- reject_unserved: queued -> failed
--
-- Jobs that were due for long and whose type no runner allows that has not said goodbye. Lanes are
-- found as in a claim, with one probe for each; only those that nobody serves are read. A paused
-- queue is not unserved.
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
),
unserved as materialized (
  select priority, queue, job_type, concurrency_key
    from (select priority, queue, job_type, concurrency_key, available_at from lane limit 2000) known
   where available_at <= now() - make_interval(secs => :after_seconds)
     and not exists (
           select
             from ops_runners r
            where r.stopped_at is null
              and known.job_type = any(r.allowlist)
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
