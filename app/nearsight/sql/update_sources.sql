-- update_sources: note how the reading of each known source ended.
update nearsight_sources as source
set
  etag = case when outcome.is_read then outcome.etag else source.etag end,
  last_modified = case when outcome.is_read then outcome.last_modified else source.last_modified end,
  last_fetched_at = case when outcome.error is null then now() else source.last_fetched_at end,
  last_error = outcome.error
from unnest(
  :urls::text[],
  :is_read::boolean[],
  :etags::text[],
  :last_modified::text[],
  :errors::text[]
) as outcome (url, is_read, etag, last_modified, error)
where source.url = outcome.url
