-- One sign of life for all claims of a runner; answers which of them are to be cancelled.
with renewed as (
  update ops_runners
     set seen_at = clock_timestamp()
   where id = :runner_instance
)
select j.id, j.claim_seq
  from ops_claims c
 cross join lateral unnest(c.job_ids, c.claim_seqs) as held (job_id, claim_seq)
  join ops_jobs j on j.id = held.job_id and j.claim_seq = held.claim_seq
 where c.runner_instance = :runner_instance
   and j.status = 'running'
   and j.cancel_requested_at is not null
