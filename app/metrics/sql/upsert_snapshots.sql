-- upsert_snapshots: one row per page and day; what is the same stays untouched.
with incoming as (
  select page_id, taken_on, followers, posts, engagement
  from unnest(
    :page_ids::bigint[],
    :days::date[],
    :followers::bigint[],
    :posts::bigint[],
    :engagement::bigint[]
  ) as incoming (page_id, taken_on, followers, posts, engagement)
),
known as (
  select snapshot.page_id, snapshot.taken_on
  from metrics_snapshots as snapshot
  join incoming using (page_id, taken_on)
),
written as (
  insert into metrics_snapshots as snapshot (
    page_id,
    taken_on,
    followers,
    posts,
    engagement,
    job_id
  )
  select page_id, taken_on, followers, posts, engagement, :job_id::uuid
  from incoming
  order by page_id, taken_on
  on conflict (page_id, taken_on) do update
  set
    followers = excluded.followers,
    posts = excluded.posts,
    engagement = excluded.engagement,
    collected_at = now(),
    job_id = excluded.job_id
  where (snapshot.followers, snapshot.posts, snapshot.engagement)
    is distinct from (excluded.followers, excluded.posts, excluded.engagement)
  returning page_id, taken_on
)
select
  count(*) filter (where known.page_id is null) as new,
  count(*) filter (where known.page_id is not null) as changed
from written
left join known using (page_id, taken_on)
