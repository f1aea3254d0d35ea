-- One sign of life for all claims of a runner; answers which of them are to be cancelled.
with renewed as (
  update ops_runners
     set seen_at = clock_timestamp()
   where id = :runner_instance
)
select id, claim_seq
  from ops_jobs
 where status = 'running'
   and runner_instance = :runner_instance
   and cancel_requested_at is not null
