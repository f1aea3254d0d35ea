"""The captions that Captorator composed, each with what it was asked.

Deploy: before the code that needs it.
"""

from alembic import op

revision = "captorator_0001"
down_revision = None
branch_labels = ("captorator",)
depends_on = None

RUNS = """
create table captorator_runs (
  id         bigint      not null generated always as identity,
  job_id     uuid        not null,
  profile    text        not null,
  platform   text        not null,
  request    jsonb       not null,
  caption    text        not null,
  hashtags   text[]      not null,
  checks     jsonb       not null,
  created_at timestamptz not null default now(),
  constraint pk_captorator_runs primary key (id),
  constraint uq_captorator_runs_job_id unique (job_id),
  constraint ck_captorator_runs_request_is_object check (jsonb_typeof(request) = 'object'),
  constraint ck_captorator_runs_checks_are_list check (jsonb_typeof(checks) = 'array'),
  constraint ck_captorator_runs_caption_not_empty check (caption <> '')
)
"""

CREATED = "create index ix_captorator_runs_created_at on captorator_runs (created_at)"


def upgrade() -> None:
    op.execute(RUNS)
    op.execute(CREATED)


def downgrade() -> None:
    op.drop_table("captorator_runs")
