-- upsert_articles: add new stories, bring known ones up to date.
insert into nearsight_articles (
  link_hash,
  url,
  title,
  title_key,
  published_at,
  seen_in,
  score,
  signals,
  last_job_id
)
select
  link_hash,
  url,
  title,
  title_key,
  published_at,
  seen_in,
  score,
  signals,
  :job_id::uuid
from jsonb_to_recordset(:articles::jsonb) as article (
  link_hash text,
  url text,
  title text,
  title_key text,
  published_at timestamptz,
  seen_in text[],
  score double precision,
  signals jsonb
)
on conflict (link_hash) do update
set
  title = excluded.title,
  published_at = excluded.published_at,
  seen_in = excluded.seen_in,
  score = excluded.score,
  signals = excluded.signals,
  last_seen_at = now(),
  last_job_id = excluded.last_job_id
