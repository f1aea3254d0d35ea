-- A new schedule, unless its name is taken.
insert into ops_schedules (
         name, cron, time_zone, job_type, payload, queue, priority, max_attempts, timeout_seconds,
         tags, missed_policy, catch_up_most, next_at, caught_up_to, created_by
       )
values (
         :name, :cron, :time_zone, :job_type, :payload, :queue, :priority, :max_attempts,
         :timeout_seconds, :tags, :missed_policy, :catch_up_most, :next_at, :caught_up_to, :created_by
       )
    on conflict (name) do nothing
returning id, name, cron, time_zone, job_type, payload::text as payload, queue, priority, max_attempts,
          timeout_seconds, tags, missed_policy, catch_up_most, paused_at, paused_by, pause_reason,
          next_at, caught_up_to, last_fired_for, last_missed_for, created_at, updated_at, created_by
