-- attempts are bounded
select id, 'attempt ' || attempt || ' of ' || max_attempts
  from ops_jobs
 where attempt > max_attempts
