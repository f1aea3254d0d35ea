-- claim: queued -> running
--
-- Takes the most urgent due jobs that this runner allows, never more than it has free slots.
-- Materialized, so that the planner cannot run the limit more than once. The runner's sign of life
-- is renewed in the same statement: an idle runner writes none, and its claim must not look
-- abandoned the moment it is made.
with due as materialized (
  select id
    from ops_jobs
   where ready
     and available_at <= now()
     and job_type = any(:allowlist::text[])
     and queue <> all(array(
           select name
             from ops_queues
            where paused_at is not null
              and (resume_at is null or resume_at > now())
         ))
   order by priority, available_at, seq
   limit :limit
     for update skip locked
),
claimed as (
  update ops_jobs j
     set status = 'running',
         ready = false,
         attempt = j.attempt + 1,
         claim_seq = j.claim_seq + 1,
         runner_instance = :runner_instance,
         progress = null,
         started_at = clock_timestamp(),
         updated_at = clock_timestamp()
    from due
   where j.id = due.id
  returning j.id, j.claim_seq, j.job_type, j.queue, j.attempt, j.max_attempts, j.timeout_seconds,
            j.cancel_requested_at is not null as cancel_requested, j.payload::text as payload_text,
            j.priority, j.available_at, j.seq
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq)
  select id, 'running', :actor, attempt, claim_seq
    from claimed
),
renewed as (
  update ops_runners
     set seen_at = clock_timestamp(),
         stopped_at = null
   where id = :runner_instance
     and seen_at < now() - interval '1 second'
     and exists (select from claimed)
)
select id, claim_seq, job_type, queue, attempt, max_attempts, timeout_seconds, cancel_requested,
       payload_text
  from claimed
 order by priority, available_at, seq
