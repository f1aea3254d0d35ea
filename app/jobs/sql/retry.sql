-- retry: running -> queued
--
-- The attempt failed and another is left; it is due after its back-off.
with outcome as (
  select id, claim_seq, error, delay_seconds
    from unnest(
           :ids::uuid[], :claim_seqs::bigint[], :errors::text[], :delays::double precision[]
         ) as o (id, claim_seq, error, delay_seconds)
),
finished as (
  update ops_jobs j
     set status = 'queued',
         ready = true,
         error = o.error,
         available_at = now() + make_interval(secs => o.delay_seconds),
         updated_at = clock_timestamp()
    from outcome o
   where j.id = o.id
     and j.claim_seq = o.claim_seq
     and j.status = 'running'
  returning j.id, j.claim_seq, j.attempt, j.error, j.available_at, o.delay_seconds
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message, data)
  select id, 'retry_scheduled', :actor, attempt, claim_seq, error,
         jsonb_build_object('delay_seconds', delay_seconds, 'available_at', available_at)
    from finished
)
select id, claim_seq
  from finished
