-- succeed: running -> succeeded
--
-- Only the holder of the claim succeeds; a row that does not come back has lost it.
with outcome as (
  select id, claim_seq, result
    from unnest(:ids::uuid[], :claim_seqs::bigint[], :results::text[]) as o (id, claim_seq, result)
),
finished as (
  update ops_jobs j
     set status = 'succeeded',
         result = o.result::jsonb,
         error = null,
         active_dedupe_key = null,
         finished_at = clock_timestamp(),
         updated_at = clock_timestamp()
    from outcome o
   where j.id = o.id
     and j.claim_seq = o.claim_seq
     and j.status = 'running'
  returning j.id, j.claim_seq, j.attempt
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq)
  select id, 'succeeded', :actor, attempt, claim_seq
    from finished
)
select id, claim_seq
  from finished
