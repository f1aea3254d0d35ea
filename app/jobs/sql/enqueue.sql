-- enqueue: - -> queued
--
-- A job whose dedupe key an active job of its type holds is not inserted; the caller then reads that
-- job. With an idempotency key it is not inserted unless the key is new: a racing twin waits on the
-- key's unique index and finds it taken.
--
-- Only what the database decides comes back: to describe a column costs as much as to read a row.
with idempotency as (
  insert into ops_idempotency_keys (key, body_sha256, job_id)
  select :key, :body_sha256::bytea, ops_uuid7()
   where :key::text is not null
      on conflict (key) do nothing
  returning job_id
),
inserted as (
  insert into ops_jobs (
           id, job_type, queue, priority, payload, available_at, max_attempts, timeout_seconds,
           concurrency_key, dedupe_key, active_dedupe_key, tags, requested_by, request_id, replay_of,
           schedule_id
         )
  select coalesce((select job_id from idempotency), ops_uuid7()), :job_type::text, :queue::text,
         :priority::smallint, :payload::jsonb,
         coalesce(
           :available_at::timestamptz,
           now() + make_interval(secs => coalesce(:delay_seconds::double precision, 0))
         ),
         :max_attempts::integer, :timeout_seconds::integer, :concurrency_key::text,
         :dedupe_key::text, :dedupe_key::text, :tags::text[], :requested_by::text,
         :request_id::text, :replay_of::uuid, :schedule_id::uuid
   where :key::text is null
      or exists (select from idempotency)
      on conflict (job_type, active_dedupe_key) where active_dedupe_key is not null do nothing
  returning id, seq, available_at, created_at
),
event as (
  insert into ops_job_events (job_id, kind, actor, attempt)
  select id, 'queued', :actor, 0
    from inserted
)
select id, seq, available_at, created_at
  from inserted
