"""The bounds of limited job types, as the last claim kept them: for who tells how long a job waits.

Deploy: before the code that needs it.
"""

from alembic import op

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None

BOUNDS = """
alter table ops_limits
  add column most_running integer,
  add column most_for_key integer,
  add column rate         double precision,
  add column burst        double precision
"""

NO_BOUNDS = """
alter table ops_limits
  drop column most_running,
  drop column most_for_key,
  drop column rate,
  drop column burst
"""


def upgrade() -> None:
    op.execute(BOUNDS)


def downgrade() -> None:
    op.execute(NO_BOUNDS)
