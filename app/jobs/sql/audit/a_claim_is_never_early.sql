-- a claim is never early
select e.job_id, 'claimed before it was due after back-off'
  from ops_job_events e
  join lateral (
         select r.id, r.data ->> 'available_at' as due_at
           from ops_job_events r
          where r.job_id = e.job_id and r.id < e.id and r.kind = 'retry_scheduled'
          order by r.id desc
          limit 1
       ) retry on true
 where e.kind = 'running'
   and e.at < retry.due_at::timestamptz
   and not exists (
         select
           from ops_job_events b
          where b.job_id = e.job_id and b.id < e.id and b.id > retry.id
            and b.kind in ('requeued', 'released', 'rescued')
       )
