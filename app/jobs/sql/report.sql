-- report: running -> running
--
-- What a handler tells while it runs: 'progress', 'log', 'output'. The newest progress is the
-- job's. Only the holder of the claim is heard.
with line as (
  select id, claim_seq, kind, message, data, ordinality
    from unnest(
           :ids::uuid[], :claim_seqs::bigint[], :kinds::text[], :messages::text[], :data::text[]
         ) with ordinality as l (id, claim_seq, kind, message, data, ordinality)
),
held as materialized (
  select j.id, j.claim_seq, j.attempt
    from ops_jobs j
   where j.status = 'running'
     and (j.id, j.claim_seq) in (select id, claim_seq from line)
   order by j.id
     for update
),
progressed as (
  update ops_jobs j
     set progress = latest.data::jsonb,
         updated_at = clock_timestamp()
    from (
           select distinct on (l.id) l.id, l.data
             from line l
             join held h on h.id = l.id and h.claim_seq = l.claim_seq
            where l.kind = 'progress'
            order by l.id, l.ordinality desc
         ) latest
   where j.id = latest.id
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message, data)
  select l.id, l.kind, :actor, h.attempt, l.claim_seq, l.message, l.data::jsonb
    from line l
    join held h on h.id = l.id and h.claim_seq = l.claim_seq
   order by l.ordinality
)
select id, claim_seq
  from held
