-- rescue: running -> queued | failed
--
-- Takes back jobs whose runner was silent for a lease. A crash is not a failure of the handler: the
-- attempt is given back and counted against its own budget, so that a job which kills its runner
-- every time ends, and other jobs go on. Skip locked: two rescuers share the work, and a job that is
-- being finished is left alone; its claims then stay for the next rescue.
with silent as materialized (
  select c.id, c.job_ids, c.claim_seqs
    from ops_claims c
   where not exists (
           select
             from ops_runners r
            where r.id = c.runner_instance
              and r.seen_at >= now() - make_interval(secs => :lease_seconds)
         )
   order by c.id
   limit :limit
     for update skip locked
),
held as materialized (
  select silent.id as batch, h.job_id, h.claim_seq
    from silent
   cross join lateral unnest(silent.job_ids, silent.claim_seqs) as h (job_id, claim_seq)
),
lost as materialized (
  select job.id, job.is_spent
    from held
   cross join lateral (
           select j.id, j.rescues + 1 > :budget as is_spent
             from ops_jobs j
            where j.id = held.job_id
              and j.claim_seq = held.claim_seq
              and j.status = 'running'
              for update skip locked  -- and one probe for each claim
         ) job
),
rescued as (
  update ops_jobs j
     set status = case when lost.is_spent then 'failed' else 'queued' end,
         ready = not lost.is_spent,
         attempt = case when lost.is_spent then j.attempt else j.attempt - 1 end,
         rescues = j.rescues + 1,
         available_at = case when lost.is_spent then j.available_at else now() end,
         error = case when lost.is_spent then 'the runner died under this job too often' end,
         active_dedupe_key = case when lost.is_spent then null else j.active_dedupe_key end,
         finished_at = case when lost.is_spent then clock_timestamp() end,
         updated_at = clock_timestamp()
    from lost
   where j.id = lost.id
  returning j.id, j.claim_seq, j.attempt, j.rescues, j.status, j.error
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq, message, data)
  select id, 'rescued', :actor, attempt, claim_seq,
         coalesce(error, 'the lease of its runner ran out'),
         jsonb_build_object('rescues', rescues, 'status', status)
    from rescued
),
closed as (
  delete from ops_claims c
   using silent
   where c.id = silent.id
     and not exists (
           select
             from held
            cross join lateral (
                    select j.id
                      from ops_jobs j
                     where j.id = held.job_id
                       and j.claim_seq = held.claim_seq
                       and j.status = 'running'
                    offset 0
                  ) open
            where held.batch = c.id
              and open.id not in (select id from lost)
         )
)
select id
  from rescued
