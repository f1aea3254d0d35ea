-- requeue: failed | cancelled -> queued
--
-- One more attempt by hand, also where all were spent. An active twin with the same dedupe key wins.
with requeued as (
  update ops_jobs j
     set status = 'queued',
         ready = true,
         max_attempts = greatest(j.max_attempts, j.attempt + 1),
         rescues = 0,
         available_at = now(),
         result = null,
         error = null,
         finished_at = null,
         cancel_requested_at = null,
         active_dedupe_key = j.dedupe_key,
         updated_at = clock_timestamp()
   where j.id = :job_id
     and j.status in ('failed', 'cancelled')
     and not exists (
           select
             from ops_jobs twin
            where twin.job_type = j.job_type
              and twin.active_dedupe_key = j.dedupe_key
         )
  returning id, seq, job_type, queue, status, priority, payload, result, error, attempt, max_attempts,
            rescues, claim_seq, runner_instance, requested_by, request_id, available_at, created_at,
            updated_at, started_at, finished_at, cancel_requested_at, progress, concurrency_key,
            dedupe_key, timeout_seconds, tags, replay_of, schedule_id
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq)
  select id, 'requeued', :actor, attempt, claim_seq
    from requeued
)
select id, seq, job_type, queue, status, priority, payload, result, error, attempt, max_attempts,
       rescues, claim_seq, runner_instance, requested_by, request_id, available_at, created_at,
       updated_at, started_at, finished_at, cancel_requested_at, progress, concurrency_key,
       dedupe_key, timeout_seconds, tags, replay_of, schedule_id
  from requeued
