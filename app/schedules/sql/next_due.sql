-- When the next schedule is due, in seconds from now.
select extract(epoch from min(next_at) - now())::double precision as due_in_seconds
  from ops_schedules
