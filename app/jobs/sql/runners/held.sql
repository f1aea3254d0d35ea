-- The claims of one runner as the database has them, to resolve a commit of unknown outcome.
select job.id, job.claim_seq, c.id as batch, job.job_type, job.queue, job.priority,
       job.concurrency_key, job.available_at, job.seq, job.attempt, job.max_attempts,
       job.timeout_seconds, job.cancel_requested, job.payload_text
  from ops_claims c
 cross join lateral unnest(c.job_ids, c.claim_seqs) as held (job_id, claim_seq)
 cross join lateral (
         select j.id, j.claim_seq, j.job_type, j.queue, j.priority, j.concurrency_key,
                j.available_at, j.attempt, j.max_attempts, j.timeout_seconds, j.seq,
                j.cancel_requested_at is not null as cancel_requested,
                j.payload::text as payload_text
           from ops_jobs j
          where j.id = held.job_id
            and j.claim_seq = held.claim_seq
            and j.status = 'running'
         offset 0  -- one probe for each claim, whatever the planner thinks of their number
       ) job
 where c.runner_instance = :runner_instance
 order by job.seq
