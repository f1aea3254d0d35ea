-- changes: the newest of the given days of each page, beside the snapshot before it.
select
  page.platform,
  page.page,
  newest.taken_on,
  newest.followers,
  newest.posts,
  newest.engagement,
  previous.taken_on as since,
  newest.taken_on - previous.taken_on as days,
  newest.followers - previous.followers as followers_change,
  newest.posts - previous.posts as posts_change,
  newest.engagement - previous.engagement as engagement_change
from (
  select page_id, max(taken_on) as taken_on
  from unnest(:page_ids::bigint[], :days::date[]) as incoming (page_id, taken_on)
  group by page_id
) as refreshed
join metrics_pages as page on page.id = refreshed.page_id
join metrics_snapshots as newest using (page_id, taken_on)
left join lateral (
  select snapshot.taken_on, snapshot.followers, snapshot.posts, snapshot.engagement
  from metrics_snapshots as snapshot
  where snapshot.page_id = refreshed.page_id
    and snapshot.taken_on < refreshed.taken_on
  order by snapshot.taken_on desc
  limit 1
) as previous on true
order by page.platform, page.page_key
limit :limit
