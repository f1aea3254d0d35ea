-- fail: running -> failed
--
-- The last word of the claim's holder: no attempt is left, or none would help.
with outcome as (
  select id, claim_seq, error
    from unnest(:ids::uuid[], :claim_seqs::bigint[], :errors::text[]) as o (id, claim_seq, error)
),
finished as (
  update ops_jobs j
     set status = 'failed',
         error = o.error,
         active_dedupe_key = null,
         finished_at = clock_timestamp(),
         updated_at = clock_timestamp()
    from outcome o
   where j.id = o.id
     and j.claim_seq = o.claim_seq
     and j.status = 'running'
  returning j.id, j.claim_seq, j.attempt, j.error
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message)
  select id, 'failed', :actor, attempt, claim_seq, error
    from finished
)
select id, claim_seq
  from finished
