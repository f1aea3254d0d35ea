-- request_cancel: running -> running
--
-- The holder of the claim learns of it with its next sign of life, and stops the handler. Asking
-- twice asks once.
with requested as (
  update ops_jobs
     set cancel_requested_at = clock_timestamp(),
         updated_at = clock_timestamp()
   where id = :job_id
     and status = 'running'
     and cancel_requested_at is null
  returning id, seq, job_type, queue, status, priority, payload, result, error, attempt, max_attempts,
            rescues, claim_seq, runner_instance, requested_by, request_id, available_at, created_at,
            updated_at, started_at, finished_at, cancel_requested_at, progress, concurrency_key,
            dedupe_key, timeout_seconds, tags, replay_of, schedule_id
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message)
  select id, 'cancel_requested', :actor, attempt, claim_seq, :reason
    from requested
)
select id, seq, job_type, queue, status, priority, payload, result, error, attempt, max_attempts,
       rescues, claim_seq, runner_instance, requested_by, request_id, available_at, created_at,
       updated_at, started_at, finished_at, cancel_requested_at, progress, concurrency_key,
       dedupe_key, timeout_seconds, tags, replay_of, schedule_id
  from requested
