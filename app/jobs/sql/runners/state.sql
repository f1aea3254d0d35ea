-- What is known of all runners: those that have not said goodbye, the newest sign of life, and
-- whether a lease ran out whose jobs wait for a rescue.
select count(*) filter (where stopped_at is null) as runners,
       extract(epoch from now() - max(seen_at))::double precision as last_seen_seconds,
       exists (
         select
           from ops_claims c
          where not exists (
                  select
                    from ops_runners r
                   where r.id = c.runner_instance
                     and r.seen_at >= now() - make_interval(secs => :lease_seconds)
                )
       ) as holding_silent
  from ops_runners
