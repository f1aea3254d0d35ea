-- The claims of one runner as the database has them, to resolve a commit of unknown outcome.
select id, claim_seq, job_type, queue, attempt, max_attempts, timeout_seconds,
       cancel_requested_at is not null as cancel_requested, payload::text as payload_text
  from ops_jobs
 where status = 'running'
   and runner_instance = :runner_instance
 order by seq
