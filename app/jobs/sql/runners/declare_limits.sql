-- A limited job type has a row to lock; its tokens are full at first.
insert into ops_limits (job_type)
select unnest(:job_types::text[])
    on conflict (job_type) do nothing
