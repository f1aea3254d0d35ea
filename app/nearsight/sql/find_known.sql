-- find_known: the articles that tell these stories already, by link or by title.
select
  incoming.position,
  known.id,
  known.link_hash,
  known.url,
  known.seen_in,
  known.published_at
from unnest(
  :link_hashes::text[],
  :title_keys::text[],
  :told_at::timestamptz[]
) with ordinality as incoming (link_hash, title_key, told_at, position)
cross join lateral (
  select
    article.id,
    article.link_hash,
    article.url,
    article.seen_in,
    article.published_at
  from nearsight_articles as article
  where article.link_hash = incoming.link_hash
    or (
      article.title_key = incoming.title_key
      and coalesce(article.published_at, article.first_seen_at)
        between incoming.told_at - make_interval(secs => :same_story_seconds)
        and incoming.told_at + make_interval(secs => :same_story_seconds)
    )
  order by article.link_hash = incoming.link_hash desc, article.id
  limit 1
) as known
order by incoming.position
