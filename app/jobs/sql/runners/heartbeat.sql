-- One sign of life for all claims of a runner; answers which of them are to be cancelled.
with renewed as (
  update ops_runners
     set seen_at = clock_timestamp()
   where id = :runner_instance
)
select job.id, job.claim_seq
  from ops_claims c
 cross join lateral unnest(c.job_ids, c.claim_seqs) as held (job_id, claim_seq)
 cross join lateral (
         select j.id, j.claim_seq
           from ops_jobs j
          where j.id = held.job_id
            and j.claim_seq = held.claim_seq
            and j.status = 'running'
            and j.cancel_requested_at is not null
         offset 0  -- one probe for each claim, whatever the planner thinks of their number
       ) job
 where c.runner_instance = :runner_instance
