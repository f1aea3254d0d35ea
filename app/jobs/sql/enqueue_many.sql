-- enqueue_many: - -> queued
--
-- Jobs with dedupe keys, as one JSON array. One whose key an active job of its type holds is not
-- inserted; the caller then reads that job. Jobs without a key come by COPY instead.
with input as materialized (
  select job_type, queue, priority, payload, available_at, delay_seconds, max_attempts,
         timeout_seconds, concurrency_key, dedupe_key, tags, requested_by, request_id, replay_of,
         schedule_id, ordinality
    from rows from (
           jsonb_to_recordset(:jobs::jsonb) as (
             job_type text, queue text, priority smallint, payload jsonb, available_at timestamptz,
             delay_seconds double precision, max_attempts integer, timeout_seconds integer,
             concurrency_key text, dedupe_key text, tags text[], requested_by text,
             request_id text, replay_of uuid, schedule_id uuid
           )
         ) with ordinality
),
inserted as (
  insert into ops_jobs (
           id, job_type, queue, priority, payload, available_at, max_attempts, timeout_seconds,
           concurrency_key, dedupe_key, active_dedupe_key, tags, requested_by, request_id, replay_of,
           schedule_id
         )
  select ops_uuid7(), job_type, queue, priority, payload,
         coalesce(available_at, now() + make_interval(secs => coalesce(delay_seconds, 0))),
         max_attempts, timeout_seconds, concurrency_key, dedupe_key, dedupe_key, tags, requested_by,
         request_id, replay_of, schedule_id
    from input
   order by ordinality
      on conflict (job_type, active_dedupe_key) where active_dedupe_key is not null do nothing
  returning id, seq, job_type, dedupe_key, attempt
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt)
  select id, 'queued', :actor, attempt
    from inserted
   order by seq
)
select id, job_type, dedupe_key
  from inserted
