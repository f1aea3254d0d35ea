-- reject: queued | running -> failed
--
-- The runner was told to run a type that is not on its allowlist. The row's own type decides, not
-- what the teller said it was; a running job is rejected by its holder alone.
with outcome as (
  select id, claim_seq
    from unnest(:ids::uuid[], :claim_seqs::bigint[]) as o (id, claim_seq)
),
finished as (
  update ops_jobs j
     set status = 'failed',
         ready = false,
         error = 'job type is not on the allowlist of the runner',
         active_dedupe_key = null,
         finished_at = clock_timestamp(),
         updated_at = clock_timestamp()
    from outcome o
   where j.id = o.id
     and j.job_type <> all(:allowlist::text[])
     and (
           (o.claim_seq is null and j.status = 'queued')
           or (j.claim_seq = o.claim_seq and j.status = 'running')
         )
  returning j.id, j.claim_seq, j.attempt, j.error
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message)
  select id, 'rejected', :actor, attempt, claim_seq, error
    from finished
)
select id
  from finished
