-- Lock the schedule that is due longest and that nobody else is firing. Whoever waits in vain finds
-- it moved on.
select id, name, cron, time_zone, job_type, payload::text as payload, queue, priority, max_attempts,
       timeout_seconds, tags, missed_policy, catch_up_most, paused_at, paused_by, pause_reason,
       next_at, caught_up_to, last_fired_for, last_missed_for, created_at, updated_at, created_by,
       now() as now
  from ops_schedules
 where next_at <= now()
 order by next_at
 limit 1
   for update skip locked
