"""The view of lanes asks the function that claims ask: one walk, written once.

Deploy: before or after the code.
"""

from alembic import op

from migrations.versions.core.core_0003_lanes import LANES

revision = "core_0009"
down_revision = "core_0008"
branch_labels = None
depends_on = None

# The casts keep the types of the columns, which a view that is replaced must not change.
VIEW = """
create or replace view ops_lanes as
select priority, queue::ops_name as queue, job_type::ops_name as job_type, concurrency_key, due_at
  from ops_lanes_from()
"""


def upgrade() -> None:
    op.execute(VIEW)


def downgrade() -> None:
    op.execute(LANES.replace("create view", "create or replace view"))
