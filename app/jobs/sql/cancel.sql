-- cancel: queued -> cancelled
with cancelled as (
  update ops_jobs
     set status = 'cancelled',
         ready = false,
         active_dedupe_key = null,
         finished_at = clock_timestamp(),
         updated_at = clock_timestamp()
   where id = :job_id
     and status = 'queued'
  returning id, seq, job_type, queue, status, priority, payload, result, error, attempt, max_attempts,
            rescues, claim_seq, runner_instance, requested_by, request_id, available_at, created_at,
            updated_at, started_at, finished_at, cancel_requested_at, progress, concurrency_key,
            dedupe_key, timeout_seconds, tags, replay_of, schedule_id
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message)
  select id, 'cancelled', :actor, attempt, claim_seq, :reason
    from cancelled
)
select id, seq, job_type, queue, status, priority, payload, result, error, attempt, max_attempts,
       rescues, claim_seq, runner_instance, requested_by, request_id, available_at, created_at,
       updated_at, started_at, finished_at, cancel_requested_at, progress, concurrency_key,
       dedupe_key, timeout_seconds, tags, replay_of, schedule_id
  from cancelled
