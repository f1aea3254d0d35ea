-- When there may be work next, in seconds from now: a due time, a queue that resumes, the end of a
-- foreign lease. The columns come last: what else the caller asks for is appended to them.
with pause as (
  select name, resume_at
    from ops_queues
   where paused_at is not null
     and (resume_at is null or resume_at > now())
)
select extract(epoch from least(
         (
           select min(due_at)
             from ops_lanes_from(
                    :priorities::smallint[], :queues::text[], :job_types::text[],
                    :concurrency_keys::text[], :dues::timestamptz[], :marks::bigint[]
                  )
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
