-- claim: queued -> running
--
-- Takes due jobs that this runner allows, never more than it has free slots. A lane is a priority, a
-- queue and a job type; the ready index lists each lane by due time, so that finding the lanes takes
-- one probe for each and no backlog is walked or sorted. The most urgent priority with a due job is
-- served, and each of its lanes gets an equal share, in turn: a flood in one starves no other.
--
-- Known lanes, each with the due time that its last claim reached, are looked at from there on: under
-- a held snapshot every claimed entry before it stays in the index, dead and not removable. What
-- committed behind that mark is found by the next claim that names no lanes.
--
-- The sign of life is renewed in the same statement: an idle runner writes none, and its claim must
-- not look abandoned the moment it is made.
with recursive found as (
  (
    select priority, queue, job_type, available_at
      from ops_jobs
     where ready
       and :queues::text[] is null
     order by priority, queue, job_type, available_at
     limit 1
  )
  union all
  select next.priority, next.queue, next.job_type, next.available_at
    from found
   cross join lateral (
           select j.priority, j.queue, j.job_type, j.available_at
             from ops_jobs j
            where j.ready
              and (j.priority, j.queue, j.job_type)
                  > (found.priority, found.queue, found.job_type)
            order by j.priority, j.queue, j.job_type, j.available_at
            limit 1
         ) next
),
lane as (
  select priority, queue, job_type, available_at as due_at
    from found
   union all
  select priority, queue, job_type, due_at
    from unnest(
           :priorities::smallint[], :queues::text[], :job_types::text[], :dues::timestamptz[]
         ) as known (priority, queue, job_type, due_at)
),
open_lane as materialized (
  select priority, queue, job_type, due_at,
         row_number() over (order by queue, job_type) as place,
         count(*) over () as lanes
    from (
           select priority, queue, job_type, due_at, min(priority) over () as most_urgent
             from lane
            where due_at <= now()
              and job_type = any(:allowlist::text[])
              and queue <> all(array(
                    select name
                      from ops_queues
                     where paused_at is not null
                       and (resume_at is null or resume_at > now())
                  ))
         ) due_lane
   where priority = most_urgent
),
served as materialized (
  select priority, queue, job_type, due_at,
         ceil(:limit::numeric / least(lanes, :limit::integer))::integer as share
    from open_lane
   order by (place + :turn::bigint) % lanes
   limit :limit::integer
),
due as materialized (
  select ready.id
    from served
   cross join lateral (
           select j.id, j.available_at, j.seq
             from ops_jobs j
            where j.ready
              and j.priority = served.priority
              and j.queue = served.queue
              and j.job_type = served.job_type
              and j.available_at >= served.due_at
              and j.available_at <= now()
            order by j.available_at, j.seq
            limit served.share
              for update skip locked
         ) ready
   limit :limit::integer
),
claimed as (
  update ops_jobs j
     set status = 'running',
         ready = false,
         attempt = j.attempt + 1,
         claim_seq = j.claim_seq + 1,
         runner_instance = :runner_instance,
         progress = null,
         started_at = clock_timestamp(),
         updated_at = clock_timestamp()
    from due
   where j.id = due.id
  returning j.id, j.claim_seq, j.job_type, j.queue, j.priority, j.available_at, j.attempt,
            j.max_attempts, j.timeout_seconds, j.cancel_requested_at is not null as cancel_requested,
            j.payload::text as payload_text, j.seq
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt, claim_seq)
  select id, 'running', :actor, attempt, claim_seq
    from claimed
),
batch as (
  insert into ops_claims (runner_instance, job_ids, claim_seqs)
  select :runner_instance, array_agg(id), array_agg(claim_seq)
    from claimed
  having count(*) > 0
  returning id
),
renewed as (
  update ops_runners
     set seen_at = clock_timestamp(),
         stopped_at = null
   where id = :runner_instance
     and seen_at < now() - interval '1 second'
     and exists (select from batch)
)
select claimed.id, claim_seq, batch.id as batch, job_type, queue, priority, available_at, attempt,
       max_attempts, timeout_seconds, cancel_requested, payload_text
  from claimed
 cross join batch
 order by priority, available_at, seq
