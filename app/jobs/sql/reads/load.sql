-- What stands between a due job and a slot: the runners that allow its type and what they hold, what
-- is limited, what is due before it, and how long a run took lately.
with allowing as materialized (
  select id, slots, seen_at
    from ops_runners
   where stopped_at is null
     and :job_type = any(allowlist)
),
held as materialized (
  select job.job_type
    from allowing
    join ops_claims c on c.runner_instance = allowing.id
   cross join lateral unnest(c.job_ids, c.claim_seqs) as h (job_id, claim_seq)
   cross join lateral (
           select j.job_type
             from ops_jobs j
            where j.id = h.job_id
              and j.claim_seq = h.claim_seq
              and j.status = 'running'
           offset 0  -- one probe for each claim, whatever the planner thinks of their number
         ) job
   limit :most::integer
)
select (select sum(slots) from allowing)::integer as slots,
       (select count(*) from held)::integer as running,
       (select count(*) from held where job_type = :job_type)::integer as running_of_type,
       (
         select extract(epoch from now() - max(seen_at))::double precision
           from allowing
       ) as unseen_seconds,
       exists (select from ops_limits where job_type = :job_type) as is_limited,
       exists (
         select
           from ops_limits
          where job_type = :job_type
            and refilled_at > '2000-01-01'  -- else the number of runs is limited, not their rate
            and tokens < 1
       ) as is_out_of_tokens,
       (
         select count(*)
           from (
                  select j.priority, j.available_at
                    from ops_jobs j
                   where j.ready
                     and j.priority <= :priority
                   order by j.priority, j.queue, j.job_type, j.concurrency_key, j.available_at, j.seq
                   limit :most::integer
                ) ready
          where ready.available_at <= now()
            and (ready.priority, ready.available_at) < (:priority, :available_at::timestamptz)
       )::integer as before_it,
       (
         select sum(lately.run_seconds) / nullif(sum(lately.runs), 0)
           from (
                  select s.run_seconds, s.runs
                    from ops_stats s
                   where s.minute > now() - interval '1 day'
                   order by s.minute desc, s.job_type
                   limit 200
                ) lately
       ) as mean_run_seconds
