-- the record agrees with its last event
select j.id, 'status ' || j.status || ' after ' || coalesce(last.kind, 'no event')
  from ops_jobs j
  left join lateral (
         select e.kind
           from ops_job_events e
          where e.job_id = j.id
            and e.kind not in ('progress', 'log', 'output', 'cancel_requested')
          order by e.id desc
          limit 1
       ) last on true
 where j.status is distinct from case
         when last.kind in ('queued', 'retry_scheduled', 'released', 'requeued') then 'queued'
         when last.kind = 'rescued' and j.status = 'failed' then 'failed'
         when last.kind = 'rescued' then 'queued'
         when last.kind = 'rejected' then 'failed'
         else last.kind
       end
