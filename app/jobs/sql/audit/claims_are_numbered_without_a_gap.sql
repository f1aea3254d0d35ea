-- claims are numbered without a gap
select j.id, 'claim_seq ' || j.claim_seq || ' with ' || count(e.id) || ' claims'
  from ops_jobs j
  left join ops_job_events e on e.job_id = j.id and e.kind = 'running'
 group by j.id
having count(e.id) <> j.claim_seq
    or coalesce(max(e.claim_seq), 0) <> j.claim_seq
    or count(distinct e.claim_seq) <> j.claim_seq
