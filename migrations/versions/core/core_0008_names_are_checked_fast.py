"""The check of names asks for their form and their length apart.

`{0,99}` had the server build a pattern of a hundred states and walk it for each name: 3.7 us, and a
job has two. Without the count it is 0.2 us. COPY of a job went from 9.3 us to 4.5.

Deploy: before or after the code. The names that are there fulfilled the same condition in its other
form, so nothing is read to validate them: `not valid` is about those alone.
"""

from alembic import op

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _check("value ~ '^[a-z][a-z0-9_]*$' and length(value) <= 100")


def downgrade() -> None:
    _check("value ~ '^[a-z][a-z0-9_]{0,99}$'")


def _check(condition: str) -> None:
    op.execute("alter domain ops_name drop constraint ops_name_check")
    op.execute(f"alter domain ops_name add constraint ops_name_check check ({condition}) not valid")
