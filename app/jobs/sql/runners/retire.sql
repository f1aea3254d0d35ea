-- A runner that drained says goodbye.
update ops_runners
   set stopped_at = clock_timestamp(),
       seen_at = clock_timestamp()
 where id = :runner_instance
