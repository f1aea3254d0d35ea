-- only the claim that is open is closed
with step as (
  select e.job_id, e.id, e.kind, e.at, e.claim_seq,
         lag(e.kind) over history as before,
         lag(e.at) over history as before_at,
         lag(e.claim_seq) over history as before_claim_seq
    from ops_job_events e
   where e.kind not in ('progress', 'log', 'output', 'cancel_requested')
  window history as (partition by e.job_id order by e.id)
)
select job_id, kind || ' of claim ' || claim_seq || ' after ' || coalesce(before, 'nothing')
  from step
 where kind in ('succeeded', 'failed', 'retry_scheduled', 'released', 'rescued')
   and (before is distinct from 'running' or before_claim_seq is distinct from claim_seq)
