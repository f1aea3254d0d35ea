"""Social pages and one snapshot of each per day.

Deploy: before the code that needs it.
"""

from alembic import op

revision = "metrics_0001"
down_revision = None
branch_labels = ("metrics",)
depends_on = None

PAGES = """
create table metrics_pages (
  id         bigint      not null generated always as identity,
  platform   text        not null,
  page       text        not null,
  page_key   text        not null,
  created_at timestamptz not null default now(),
  constraint pk_metrics_pages primary key (id),
  constraint uq_metrics_pages_platform_page_key unique (platform, page_key),
  constraint ck_metrics_pages_platform_well_formed check (platform ~ '^[a-z][a-z0-9_]{0,49}$'),
  constraint ck_metrics_pages_page_short check (length(page) between 1 and 100),
  constraint ck_metrics_pages_page_key_bare check (page_key <> '' and page_key not like '@%')
)
"""

SNAPSHOTS = """
create table metrics_snapshots (
  page_id      bigint      not null,
  taken_on     date        not null,
  followers    bigint      not null,
  posts        bigint      not null,
  engagement   bigint      not null,
  collected_at timestamptz not null default now(),
  job_id       uuid        not null,
  constraint pk_metrics_snapshots primary key (page_id, taken_on),
  constraint fk_metrics_snapshots_page_id foreign key (page_id)
    references metrics_pages (id) on delete cascade,
  constraint ck_metrics_snapshots_counts_not_negative
    check (followers >= 0 and posts >= 0 and engagement >= 0),
  constraint ck_metrics_snapshots_taken_on_plausible
    check (taken_on between '2000-01-01' and '2200-01-01')
)
"""


def upgrade() -> None:
    op.execute(PAGES)
    op.execute(SNAPSHOTS)


def downgrade() -> None:
    op.drop_table("metrics_snapshots")
    op.drop_table("metrics_pages")
