-- What stands between a due job and a slot: the runners that allow its type and what they hold, what
-- is limited, what is due before it, and how long a run took lately.
with allowing as materialized (
  select id, slots, seen_at
    from ops_runners
   where stopped_at is null
     and :job_type = any(allowlist)
),
held as materialized (
  select job.job_type, job.concurrency_key
    from allowing
    join ops_claims c on c.runner_instance = allowing.id
   cross join lateral unnest(c.job_ids, c.claim_seqs) as h (job_id, claim_seq)
   cross join lateral (
           select j.job_type, j.concurrency_key
             from ops_jobs j
            where j.id = h.job_id
              and j.claim_seq = h.claim_seq
              and j.status = 'running'
           offset 0  -- one probe for each claim, whatever the planner thinks of their number
         ) job
   limit :most::integer
),
bound as materialized (
  select most_running, most_for_key, rate,
         case
           when rate is null then null
           else least(burst, tokens + rate * extract(epoch from now() - refilled_at))
         end::double precision as tokens
    from ops_limits
   where job_type = :job_type
),
lane_before_it as (
  -- The lanes whose jobs take from the same limit; each up to the place that the job has in its own.
  select priority, queue, job_type, concurrency_key,
         case when priority = :priority then :available_at::timestamptz else now() end as until_at,
         case when priority = :priority then :seq::bigint else 0 end as until_seq
    from ops_lanes
   where exists (select from bound)
     and job_type = :job_type
     and priority <= :priority
     and queue <> all(array(
           select name
             from ops_queues
            where paused_at is not null
              and (resume_at is null or resume_at > now())
         ))
),
of_type_before_it as materialized (
  select lane.concurrency_key
    from lane_before_it lane
   cross join lateral (
           select j.id
             from ops_jobs j
            where j.ready
              and j.priority = lane.priority
              and j.queue = lane.queue
              and j.job_type = lane.job_type
              and j.concurrency_key = lane.concurrency_key
              and (j.available_at, j.seq) < (lane.until_at, lane.until_seq)
            order by j.available_at, j.seq
            limit :most::integer
         ) job
   limit :most::integer
),
lately as materialized (
  select job_type, run_seconds, runs
    from ops_stats
   where minute > now() - interval '1 day'
   order by minute desc, job_type
   limit 200
)
select (select sum(slots) from allowing)::integer as slots,
       (select count(*) from held)::integer as running,
       (select count(*) from held where job_type = :job_type)::integer as running_of_type,
       (
         select count(*)
           from held
          where job_type = :job_type
            and concurrency_key = :concurrency_key
       )::integer as running_of_key,
       (
         select extract(epoch from now() - max(seen_at))::double precision
           from allowing
       ) as unseen_seconds,
       (select most_running from bound) as most_running,
       (select most_for_key from bound where :concurrency_key <> '') as most_for_key,
       (select rate from bound) as rate,
       (select tokens from bound) as tokens,
       (
         select count(*)
           from (
                  select j.priority, j.available_at, j.seq
                    from ops_jobs j
                   where j.ready
                     and j.priority <= :priority
                   order by j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at, j.seq
                   limit :most::integer
                ) ready
          where ready.available_at <= now()
            and (ready.priority, ready.available_at, ready.seq)
                < (:priority, :available_at::timestamptz, :seq::bigint)
       )::integer as before_it,
       (select count(*) from of_type_before_it)::integer as of_type_before_it,
       (
         select count(*)
           from of_type_before_it
          where concurrency_key = :concurrency_key
       )::integer as of_key_before_it,
       (select sum(run_seconds) / nullif(sum(runs), 0) from lately) as mean_run_seconds,
       (
         select sum(run_seconds) / nullif(sum(runs), 0)
           from lately
          where job_type = :job_type
       ) as mean_run_seconds_of_type
