-- upsert_pages: add the pages that are new; a page keeps the latest spelling of its name.
insert into metrics_pages (platform, page, page_key)
select incoming.platform, incoming.page, incoming.page_key
from unnest(:platforms::text[], :pages::text[], :page_keys::text[])
  as incoming (platform, page, page_key)
order by incoming.platform, incoming.page_key
on conflict (platform, page_key) do update
set page = excluded.page
returning id, platform, page_key
