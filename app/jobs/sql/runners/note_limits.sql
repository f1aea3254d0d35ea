-- What a limited job type is bound by, for who asks why its jobs wait; claims are told by the runner.
update ops_limits l
   set most_running = noted.most_running,
       most_for_key = noted.most_for_key,
       rate = noted.rate,
       burst = noted.burst
  from unnest(
         :job_types::text[], :most_running::integer[], :most_for_key::integer[],
         :rates::double precision[], :bursts::double precision[]
       ) as noted (job_type, most_running, most_for_key, rate, burst)
 where l.job_type = noted.job_type
