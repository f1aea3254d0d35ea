-- release: running -> queued
--
-- A draining runner gives its jobs back; the attempt does not count.
with outcome as (
  select id, claim_seq
    from unnest(:ids::uuid[], :claim_seqs::bigint[]) as o (id, claim_seq)
),
finished as (
  update ops_jobs j
     set status = 'queued',
         ready = true,
         attempt = j.attempt - 1,
         available_at = now(),
         updated_at = clock_timestamp()
    from outcome o
   where j.id = o.id
     and j.claim_seq = o.claim_seq
     and j.status = 'running'
  returning j.id, j.claim_seq, j.attempt
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message)
  select id, 'released', :actor, attempt, claim_seq, :message
    from finished
)
select id, claim_seq
  from finished
