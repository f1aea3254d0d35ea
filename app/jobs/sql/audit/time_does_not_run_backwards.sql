-- time does not run backwards
with step as (
  select e.job_id, e.id, e.kind, e.at, e.claim_seq,
         lag(e.kind) over history as before,
         lag(e.at) over history as before_at,
         lag(e.claim_seq) over history as before_claim_seq
    from ops_job_events e
   where e.kind not in ('progress', 'log', 'output', 'cancel_requested')
  window history as (partition by e.job_id order by e.id)
)
select job_id, kind || ' is earlier than ' || before
  from step
 where at < before_at
union all
select id, 'created, started and finished out of order'
  from ops_jobs
 where finished_at < started_at
    or finished_at < created_at
