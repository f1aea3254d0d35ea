"""Ids that are in the order of their making within a millisecond, on servers before PostgreSQL 18.

They had random bits behind the milliseconds, which were rounded; those of many jobs at once, made
outside the server, have a fraction of the millisecond there, as PostgreSQL's own have.

Deploy: before or after the code. The way back leaves the function: its ids are good in either.
"""

from alembic import op

revision = "core_0007"
down_revision = "core_0006"
branch_labels = None
depends_on = None

IDS = """
do $$
begin
  if current_setting('server_version_num')::integer < 180000 then
    create or replace function ops_uuid7() returns uuid language sql volatile parallel safe
      as $body$
        select encode(
                 overlay(
                   uuid_send(gen_random_uuid())
                   placing substring(int8send(made.microseconds / 1000) from 3)
                           || substring(
                                int4send((28672 + made.microseconds % 1000 * 4096 / 1000)::integer)
                                from 3
                              )
                   from 1 for 8
                 ),
                 'hex'
               )::uuid
          from (
                 select floor(extract(epoch from clock_timestamp()) * 1000000)::bigint
                          as microseconds
               ) made
      $body$;
  end if;
end
$$
"""


def upgrade() -> None:
    op.execute(IDS)


def downgrade() -> None:
    pass
