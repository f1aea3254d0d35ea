-- The claims of one runner as the database has them, to resolve a commit of unknown outcome.
select j.id, j.claim_seq, c.id as batch, j.job_type, j.queue, j.priority, j.available_at, j.attempt,
       j.max_attempts, j.timeout_seconds, j.cancel_requested_at is not null as cancel_requested,
       j.payload::text as payload_text
  from ops_claims c
 cross join lateral unnest(c.job_ids, c.claim_seqs) as held (job_id, claim_seq)
  join ops_jobs j on j.id = held.job_id and j.claim_seq = held.claim_seq
 where c.runner_instance = :runner_instance
   and j.status = 'running'
 order by j.seq
