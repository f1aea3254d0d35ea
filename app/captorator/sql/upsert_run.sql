-- upsert_run: keep a composed caption with what it was asked.
insert into captorator_runs (
  job_id,
  profile,
  platform,
  request,
  caption,
  hashtags,
  checks
)
values (
  :job_id::uuid,
  :profile,
  :platform,
  :request::jsonb,
  :caption,
  :hashtags::text[],
  :checks::jsonb
)
on conflict (job_id) do update
set
  profile = excluded.profile,
  platform = excluded.platform,
  request = excluded.request,
  caption = excluded.caption,
  hashtags = excluded.hashtags,
  checks = excluded.checks
