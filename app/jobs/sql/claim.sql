-- claim: queued -> running
--
-- Takes due jobs that this runner allows, never more than it has free slots. A lane is a priority, a
-- queue, a job type and a concurrency key; the ready index lists each lane by due time, so that
-- ops_lanes_from takes one probe for each and no backlog is walked or sorted. The most urgent
-- priority with a due job is served, and each of its lanes gets an equal share, in turn: a flood in
-- one starves no other.
--
-- Known lanes, each with the mark that its last claim reached, are looked at from there on: under a
-- held snapshot every claimed entry before it stays in the index, dead and not removable. What
-- committed behind that mark is found by the next claim that names no lanes. With only_lanes no
-- other is looked for, and those named are taken to have jobs.
--
-- A lane whose type or key is at its limit is passed by: whatever its priority, it keeps no other
-- waiting. Of the lanes that share a limited key only the one with the oldest job is served; lanes of
-- a limited type share what it has left, those whose turn is first come first.
--
-- A locked row is found again by its place (ctid), which no other session can change then: cheaper by
-- a twelfth than by its id. One that changed between our snapshot and our lock is left to the next
-- claim.
--
-- Limited types are those whose row of ops_limits the caller has locked, in an earlier statement of
-- its transaction: this statement's snapshot then sees every claim that was made before.
--
-- The sign of life is renewed in the same statement: an idle runner writes none, and its claim must
-- not look abandoned the moment it is made.
with lane as (
  select priority, queue, job_type, concurrency_key, due_at, mark
    from ops_lanes_from(
           :priorities::smallint[], :queues::text[], :job_types::text[],
           :concurrency_keys::text[], :dues::timestamptz[], :marks::bigint[]
         )
   where not :only_lanes::boolean
   union all
  select priority, queue, job_type, concurrency_key, due_at, mark
    from unnest(
           :priorities::smallint[], :queues::text[], :job_types::text[],
           :concurrency_keys::text[], :dues::timestamptz[], :marks::bigint[]
         ) as known (priority, queue, job_type, concurrency_key, due_at, mark)
   where :only_lanes::boolean
),
limited as materialized (
  select asked.job_type, asked.most_now, asked.most_running, asked.most_for_key,
         case
           when asked.rate is null then null
           else least(
                  asked.burst,
                  l.tokens + asked.rate * extract(epoch from clock_timestamp() - l.refilled_at)
                )
         end as tokens
    from unnest(
           :limited_types::text[], :most_now::integer[], :most_running::integer[],
           :most_for_key::integer[], :rates::double precision[], :bursts::double precision[]
         ) as asked (job_type, most_now, most_running, most_for_key, rate, burst)
    left join ops_limits l on l.job_type = asked.job_type
),
busy as materialized (
  select job.job_type, job.concurrency_key, count(*) as running
    from ops_claims c
   cross join lateral unnest(c.job_ids, c.claim_seqs) as held (job_id, claim_seq)
   cross join lateral (
           select j.job_type, j.concurrency_key
             from ops_jobs j
            where j.id = held.job_id
              and j.claim_seq = held.claim_seq
              and j.status = 'running'
              and j.job_type = any(:limited_types::text[])
           offset 0  -- one probe for each claim, whatever the planner thinks of their number
         ) job
   where cardinality(:limited_types::text[]) > 0
   group by job.job_type, job.concurrency_key
),
allowance as materialized (
  select limited.job_type, limited.most_for_key,
         least(
           limited.most_now,
           limited.most_running - coalesce(sum(busy.running), 0)::integer,
           floor(limited.tokens)::integer
         ) as left_over
    from limited
    left join busy on busy.job_type = limited.job_type
   group by limited.job_type, limited.most_now, limited.most_for_key, limited.most_running,
            limited.tokens
),
open_lane as materialized (
  select priority, queue, job_type, concurrency_key, due_at, mark, room, left_over,
         row_number() over (order by queue, job_type, concurrency_key) as place,
         count(*) over () as lanes
    from (
           select priority, queue, job_type, concurrency_key, due_at, mark, left_over, key_room,
                  least(left_over, key_room) as room,
                  min(priority) over () as most_urgent,
                  row_number() over (
                    partition by priority, job_type, concurrency_key
                        order by due_at
                  ) as nth_of_key
             from (
                    select lane.priority, lane.queue, lane.job_type, lane.concurrency_key,
                           lane.due_at, lane.mark, a.left_over,
                           case when lane.concurrency_key <> '' then
                             a.most_for_key - coalesce(busy.running, 0)
                           end as key_room
                      from lane
                      left join allowance a on a.job_type = lane.job_type
                      left join busy
                        on busy.job_type = lane.job_type
                       and busy.concurrency_key = lane.concurrency_key
                     where lane.due_at <= now()
                       and lane.job_type = any(:allowlist::text[])
                       and lane.queue <> all(array(
                             select name
                               from ops_queues
                              where paused_at is not null
                                and (resume_at is null or resume_at > now())
                           ))
                  ) due_lane
            where coalesce(least(left_over, key_room), 1) > 0
         ) roomy_lane
   where priority = most_urgent
     and (key_room is null or nth_of_key = 1)
),
served as materialized (
  select priority, queue, job_type, concurrency_key, due_at, mark,
         greatest(0, least(share, left_over - coalesce(sum(share) over before_it, 0))) as share
    from (
           select priority, queue, job_type, concurrency_key, due_at, mark, left_over,
                  least(
                    ceil(:limit::numeric / least(lanes, :limit::integer)), room
                  )::integer as share,
                  (place + :turn::bigint) % lanes as nth
             from open_lane
         ) sharing
  window before_it as (
           partition by job_type
               order by nth
                rows between unbounded preceding and 1 preceding
         )
   order by nth
   limit :limit::integer
),
due as materialized (
  select ready.place
    from served
   cross join lateral (
           select j.ctid as place
             from ops_jobs j
            where j.ready
              and j.priority = served.priority
              and j.queue = served.queue
              and j.job_type = served.job_type
              and j.concurrency_key = served.concurrency_key
              and (j.available_at, j.seq) > (served.due_at, served.mark)
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
   where j.ctid = due.place
  returning j.id, j.claim_seq, j.job_type, j.queue, j.priority, j.concurrency_key, j.available_at,
            j.attempt, j.max_attempts, j.timeout_seconds,
            j.cancel_requested_at is not null as cancel_requested,
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
spent as (
  update ops_limits l
     set tokens = limited.tokens - coalesce(taken.jobs, 0),
         refilled_at = clock_timestamp()
    from limited
    left join (select job_type, count(*) as jobs from claimed group by job_type) taken
      on taken.job_type = limited.job_type
   where l.job_type = limited.job_type
     and limited.tokens is not null
),
renewed as (
  update ops_runners
     set seen_at = clock_timestamp(),
         stopped_at = null
   where id = :runner_instance
     and seen_at < now() - interval '1 second'
     and exists (select from batch)
)
select claimed.id, claim_seq, batch.id as batch, job_type, queue, priority, concurrency_key,
       available_at, seq, attempt, max_attempts, timeout_seconds, cancel_requested, payload_text
  from claimed
 cross join batch
 order by priority, available_at, seq
