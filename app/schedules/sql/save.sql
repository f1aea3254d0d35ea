-- What was read under the lock and changed.
update ops_schedules
   set cron = :cron,
       time_zone = :time_zone,
       job_type = :job_type,
       payload = coalesce(:payload::jsonb, payload),
       queue = :queue,
       priority = :priority,
       max_attempts = :max_attempts,
       timeout_seconds = :timeout_seconds,
       tags = :tags,
       missed_policy = :missed_policy,
       catch_up_most = :catch_up_most,
       paused_at = :paused_at,
       paused_by = :paused_by,
       pause_reason = :pause_reason,
       next_at = :next_at,
       caught_up_to = :caught_up_to,
       updated_at = now()
 where id = :id
returning id, name, cron, time_zone, job_type, payload::text as payload, queue, priority, max_attempts,
          timeout_seconds, tags, missed_policy, catch_up_most, paused_at, paused_by, pause_reason,
          next_at, caught_up_to, last_fired_for, last_missed_for, created_at, updated_at, created_by
