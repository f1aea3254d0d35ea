-- every claim is closed once
select c.job_id, 'claim ' || c.claim_seq || ' has ' || count(e.id) || ' ends'
  from ops_job_events c
  join ops_jobs j on j.id = c.job_id
  left join ops_job_events e
    on e.job_id = c.job_id and e.claim_seq = c.claim_seq and e.id > c.id
   and e.kind in ('succeeded', 'failed', 'retry_scheduled', 'released', 'rescued', 'cancelled',
                  'rejected')
   and not (e.kind in ('cancelled', 'rejected') and exists (
         select
           from ops_job_events f
          where f.job_id = c.job_id and f.claim_seq = c.claim_seq
            and f.id > c.id and f.id < e.id
            and f.kind in ('retry_scheduled', 'released', 'rescued', 'failed', 'cancelled',
                           'rejected')
       ))
 where c.kind = 'running'
 group by c.job_id, c.claim_seq, j.status, j.claim_seq
having count(e.id) <> case
         when j.status = 'running' and j.claim_seq = c.claim_seq then 0 else 1
       end
