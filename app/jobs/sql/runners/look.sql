-- When there may be work next, in seconds from now: a due time, a queue that resumes, the end of a
-- foreign lease. One probe of the ready index for each priority, instead of a walk of the backlog.
select extract(epoch from least(
         (
           select min(next.available_at)
             from generate_series(0, 9) as p (priority)
            cross join lateral (
                    select j.available_at
                      from ops_jobs j
                     where j.ready
                       and j.priority = p.priority
                       and j.job_type = any(:allowlist::text[])
                       and j.queue <> all(array(
                             select name
                               from ops_queues
                              where paused_at is not null
                                and (resume_at is null or resume_at > now())
                           ))
                     order by j.available_at
                     limit 1
                  ) next
         ),
         (
           select min(resume_at)
             from ops_queues
            where paused_at is not null
              and resume_at > now()
         )
       ) - now())::double precision as due_in_seconds,
       (
         select extract(epoch from
                  min(coalesce(r.seen_at, '2000-01-01'))
                  + make_interval(secs => :lease_seconds) - now()
                )::double precision
           from ops_jobs j
           left join ops_runners r on r.id = j.runner_instance
          where j.status = 'running'
            and j.runner_instance <> :runner_instance
       ) as lease_ends_in_seconds
