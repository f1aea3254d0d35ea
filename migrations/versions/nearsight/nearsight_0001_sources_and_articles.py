"""The sources that Nearsight reads and the articles it keeps.

Deploy: before the code that needs it.
"""

from alembic import op

revision = "nearsight_0001"
down_revision = None
branch_labels = ("nearsight",)
depends_on = None

# Every address that this lets in can be read by the fetcher, which is stricter than browsers are.
URL_WELL_FORMED = (
    r"^https?://[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
    r"(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
    r"([/?#][!-~]*)?$"
)

SOURCES = rf"""
create table nearsight_sources (
  id              bigint      not null generated always as identity,
  name            text        not null,
  url             text        not null,
  enabled         boolean     not null default true,
  etag            text,
  last_modified   text,
  last_fetched_at timestamptz,
  last_error      text,
  created_at      timestamptz not null default now(),
  constraint pk_nearsight_sources primary key (id),
  constraint uq_nearsight_sources_name unique (name),
  constraint uq_nearsight_sources_url unique (url),
  constraint ck_nearsight_sources_name_readable
    check (length(name) between 1 and 100 and name ~ '\S'),
  constraint ck_nearsight_sources_url_well_formed
    check (url ~ '{URL_WELL_FORMED}' and length(url) <= 2000)
)
"""

# An article is one story: `seen_in` names every source that told it. `title_key` stays what it was
# first, so that a source that repeats the first title finds the article although it was renamed.
ARTICLES = r"""
create table nearsight_articles (
  id            bigint           not null generated always as identity,
  link_hash     text             not null,
  url           text             not null,
  title         text             not null,
  title_key     text,
  published_at  timestamptz,
  seen_in       text[]           not null,
  score         double precision not null,
  signals       jsonb            not null,
  first_seen_at timestamptz      not null default now(),
  last_seen_at  timestamptz      not null default now(),
  last_job_id   uuid             not null,
  constraint pk_nearsight_articles primary key (id),
  constraint uq_nearsight_articles_link_hash unique (link_hash),
  constraint ck_nearsight_articles_link_hash_is_sha256 check (link_hash ~ '^[0-9a-f]{64}$'),
  constraint ck_nearsight_articles_url_is_http
    check (url ~ '^https?://[^/?#@\s]+([/?#]|$)' and length(url) <= 2000),
  constraint ck_nearsight_articles_title_short check (length(title) between 1 and 300),
  constraint ck_nearsight_articles_seen_somewhere check (cardinality(seen_in) > 0),
  constraint ck_nearsight_articles_score_in_range check (score between 0 and 100),
  constraint ck_nearsight_articles_signals_are_list check (jsonb_typeof(signals) = 'array'),
  constraint ck_nearsight_articles_seen_in_order check (first_seen_at <= last_seen_at)
)
"""

TITLES = "create index ix_nearsight_articles_title_key on nearsight_articles (title_key)"


def upgrade() -> None:
    for statement in (SOURCES, ARTICLES, TITLES):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("nearsight_articles")
    op.drop_table("nearsight_sources")
