-- A small batch of what is past its retention: finished jobs with their events, used idempotency
-- keys, runners that are gone. Jobs are found by their ids, whose first bits are the time they were
-- made; only a finished job goes, and one that is being requeued is passed over. The sweeper's own
-- row is renewed, so that a row without a sign of life for a week is of no living runner.
with renewed as (
  update ops_runners
     set seen_at = clock_timestamp()
   where id = :runner_instance
),
old as materialized (
  select j.id
    from ops_jobs j
   where j.id > :after::uuid
     and j.id < (
           lpad(
             to_hex(
               (extract(epoch from now() - make_interval(secs => :keep_seconds)) * 1000)::bigint
             ),
             12,
             '0'
           ) || repeat('0', 20)
         )::uuid
     and j.finished_at < now() - make_interval(secs => :keep_seconds)
   order by j.id
   limit :limit::integer
     for update skip locked
),
history as (
  delete from ops_job_events
   where ctid = any(array(
           select event.ctid
             from old
            cross join lateral (
                    select e.ctid
                      from ops_job_events e
                     where e.job_id = old.id
                    offset 0  -- one probe for each job, whatever the planner thinks
                  ) event
         ))
),
deleted as (
  delete from ops_jobs
   where id = any(array(select id from old))
  returning id
),
old_keys as (
  delete from ops_idempotency_keys k
   using (
           select key
             from ops_idempotency_keys
            where created_at < now() - make_interval(secs => :keep_keys_seconds)
            order by created_at
            limit :limit::integer
              for update skip locked
         ) used
   where k.key = used.key
),
gone as (
  delete from ops_runners r
   where r.seen_at < now() - interval '7 days'
     and r.id <> :runner_instance
     and not exists (select from ops_claims c where c.runner_instance = r.id)
)
select count(*) as jobs,
       (array_agg(id order by id desc))[1] as last_id
  from deleted
