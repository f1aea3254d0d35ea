-- When there may be work next, in seconds from now: a due time, a queue that resumes, the end of a
-- foreign lease. One probe of the ready index for each lane, as in a claim.
with recursive lane as (
  (
    select priority, queue, job_type, concurrency_key, available_at
      from ops_jobs
     where ready
     order by priority, queue, job_type, concurrency_key, available_at
     limit 1
  )
  union all
  select next.priority, next.queue, next.job_type, next.concurrency_key, next.available_at
    from lane
   cross join lateral (
           select j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at
             from ops_jobs j
            where j.ready
              and (j.priority, j.queue, j.job_type, j.concurrency_key)
                  > (lane.priority, lane.queue, lane.job_type, lane.concurrency_key)
            order by j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at
            limit 1
         ) next
),
pause as (
  select name, resume_at
    from ops_queues
   where paused_at is not null
     and (resume_at is null or resume_at > now())
)
select extract(epoch from least(
         (
           select min(available_at)
             from (select job_type, queue, available_at from lane limit 2000) known
            where job_type = any(:allowlist::text[])
              and queue <> all(array(select name from pause))
         ),
         (select min(resume_at) from pause)
       ) - now())::double precision as due_in_seconds,
       (
         select extract(epoch from
                  min(coalesce(r.seen_at, '2000-01-01'))
                  + make_interval(secs => :lease_seconds) - now()
                )::double precision
           from ops_claims c
           left join ops_runners r on r.id = c.runner_instance
          where c.runner_instance <> :runner_instance
       ) as lease_ends_in_seconds
