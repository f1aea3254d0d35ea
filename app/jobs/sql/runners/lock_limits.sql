-- Whoever claims jobs of limited types holds their rows until its transaction ends. In order of name,
-- so that two claimers wait for each other and never lock each other out.
select job_type, most_running, most_for_key, rate, burst
  from ops_limits
 where job_type = any(:job_types::text[])
 order by job_type
   for update
