-- an occurrence makes one job
-- The job of an occurrence has it in its dedupe key. One that a schedule was told to run has none.
with made as (
  select id, dedupe_key,
         row_number() over (partition by schedule_id, dedupe_key order by seq) as nth
    from ops_jobs
   where schedule_id is not null
     and dedupe_key is not null
)
select id, 'made once more for ' || dedupe_key
  from made
 where nth > 1
