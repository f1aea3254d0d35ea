-- Record the fires of the schedule that is locked, forget those of long ago, and move it on.
with fire as (
  insert into ops_schedule_fires (schedule_id, occurrence_at, fired_by, job_id)
  select :id, occurrence_at, :fired_by, job_id
    from unnest(:occurrences::timestamptz[], :job_ids::uuid[]) as made (occurrence_at, job_id)
),
forgotten as (
  delete from ops_schedule_fires
   where schedule_id = :id
     and occurrence_at < now() - interval '90 days'
)
update ops_schedules
   set next_at = :next_at,
       caught_up_to = :caught_up_to,
       last_fired_for = greatest(last_fired_for, :last_fired_for),
       last_missed_for = greatest(last_missed_for, :last_missed_for)
 where id = :id
