"""How Alembic runs here: one transaction for each migration, bounded waits, the unpooled address.

Two upgrades at once wait for each other on a transaction-level lock, which poolers allow.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.types import TypeEngine

from app.db.metadata import metadata
from config import load_settings

_UPGRADE_LOCK = 0x6F7073  # "ops"


def _differs(
    _context: Any, _column: Any, _of_code: Any, found: TypeEngine[Any], declared: TypeEngine[Any]
) -> bool | None:
    """Compare a domain by the type below it; leave all other types to Alembic."""
    if isinstance(found, DOMAIN):
        return not isinstance(found.data_type, type(declared))
    return None


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=_differs,
        compare_server_default=False,
    )
    with context.begin_transaction():
        connection.execute(text("set local lock_timeout = '10s'"))
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        context.run_migrations()
    # With nothing to migrate, the lock's own transaction is still open, and the next command on
    # this connection would take it for its caller's and never commit.
    connection.commit()


def main() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    url = load_settings("database").database_url_direct
    if context.is_offline_mode():
        context.configure(url=url, target_metadata=metadata, literal_binds=True)
        context.run_migrations()
        return
    unprepared = {"prepare_threshold": None}
    with create_engine(url, poolclass=NullPool, connect_args=unprepared).connect() as connection:
        run(connection)


main()
