-- The queues that have something to do, or a pause, with how much waits and runs in each. Counts stop
-- at a cap, which is smaller where there are many queues; one probe finds each priority and queue.
with recursive place as (
  (
    select priority, queue
      from ops_jobs
     where ready
     order by priority, queue
     limit 1
  )
  union all
  select next.priority, next.queue
    from place
   cross join lateral (
           select j.priority, j.queue
             from ops_jobs j
            where j.ready
              and (j.priority, j.queue) > (place.priority, place.queue)
            order by j.priority, j.queue
            limit 1
         ) next
),
known as materialized (
  select priority, queue
    from place
   limit 2000
),
cap as materialized (
  select least(:cap::bigint, :most::bigint / greatest(count(*), 1)) as jobs
    from known
),
waiting as (
  select known.queue, sum(counted.jobs) as jobs, bool_and(counted.jobs <= cap.jobs) as is_exact
    from known
   cross join cap
   cross join lateral (
           select count(*) as jobs
             from (
                    select
                      from ops_jobs j
                     where j.ready
                       and j.priority = known.priority
                       and j.queue = known.queue
                     limit (select jobs + 1 from cap)
                  ) some_jobs
         ) counted
   group by known.queue
),
held as materialized (
  select h.job_id, h.claim_seq
    from ops_claims c
   cross join lateral unnest(c.job_ids, c.claim_seqs) as h (job_id, claim_seq)
   limit :cap::bigint + 1
),
running as (
  select job.queue, count(*) as jobs
    from held
   cross join lateral (
           select j.queue
             from ops_jobs j
            where j.id = held.job_id
              and j.claim_seq = held.claim_seq
              and j.status = 'running'
           offset 0  -- one probe for each claim, whatever the planner thinks of their number
         ) job
   group by job.queue
),
named as (
  select 'default'::text as name
   union
  select name from ops_queues
   union
  select queue from waiting
   union
  select queue from running
)
select named.name,
       least(coalesce(waiting.jobs, 0), cap.jobs)::bigint as queued,
       coalesce(waiting.is_exact, true) as queued_is_exact,
       coalesce(running.jobs, 0) as running,
       (select count(*) from held) <= :cap::bigint as running_is_exact,
       pause.paused_at, pause.paused_by, pause.pause_reason, pause.resume_at
  from named
 cross join cap
  left join waiting on waiting.queue = named.name
  left join running on running.queue = named.name
  left join ops_queues pause
    on pause.name = named.name
   and pause.paused_at is not null
   and (pause.resume_at is null or pause.resume_at > now())
 order by named.name
 limit 500
