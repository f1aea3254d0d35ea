"""What PostgreSQL counted for one database: statements, commits, WAL, row versions, bytes.

Everything is read as another role than the measured one, whose statements are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import psycopg
from psycopg import Connection

from bench.server import OBSERVER, Database, one_row

_SERVER_WIDE = """
    select (select coalesce(sum(s.calls), 0)
              from pg_stat_statements s
             where s.dbid = d.oid
               and s.userid <> %(observer)s::regrole) as statements,
           pg_stat_get_db_xact_commit(d.oid) as commits,
           pg_current_wal_insert_lsn() - '0/0' as wal_bytes,
           pg_database_size(d.oid) as disk_bytes
      from pg_database d
     where d.datname = %(name)s
"""
_OF_TABLES = """
    select coalesce(sum(n_tup_ins), 0), coalesce(sum(n_tup_upd), 0),
           coalesce(sum(n_tup_hot_upd), 0), coalesce(sum(n_tup_del), 0)
      from pg_stat_user_tables
"""


@dataclass(frozen=True, slots=True)
class Counters:
    """One reading, or the difference of two."""

    statements: int
    commits: int
    wal_bytes: int
    disk_bytes: int
    inserts: int
    updates: int
    hot_updates: int
    deletes: int

    def since(self, before: Counters) -> Counters:
        """Return what happened between two readings."""
        return Counters(
            *(getattr(self, f.name) - getattr(before, f.name) for f in fields(Counters))
        )

    def per_job(self, jobs: int) -> dict[str, float]:
        """Return each count for one job."""
        return {f.name: round(getattr(self, f.name) / jobs, 3) for f in fields(Counters)}


def read(observer: Connection, database: Database) -> Counters:
    """Read the counters of a database; those of its tables lag while its backends live."""
    names = {"observer": OBSERVER, "name": database.name}
    wide = one_row(observer, _SERVER_WIDE, names)
    with psycopg.connect(database.observer_url, autocommit=True) as inside:
        of_tables = one_row(inside, _OF_TABLES)
    return Counters(*(int(value) for value in (*wide, *of_tables)))


def statements(observer: Connection, database: Database) -> int:
    """Return how many statements the systems sent to a database so far, its own role aside."""
    (calls,) = one_row(
        observer,
        "select coalesce(sum(calls), 0) from pg_stat_statements s"
        " join pg_database d on d.oid = s.dbid"
        " where d.datname = %s and s.userid <> %s::regrole",
        [database.name, OBSERVER],
    )
    return int(calls)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the calls of one statement took since they were last forgotten.

    The total has the planning in it where that is tracked.
    """

    calls: int
    total_ms: float
    max_ms: float


def timing(observer: Connection, database: Database, mark: str) -> Timing:
    """Return the timing of the statements whose text has `mark` in it, and forget it."""
    found = observer.execute(
        "select s.userid, s.dbid, s.queryid, s.calls, s.total_plan_time + s.total_exec_time,"
        "       s.max_exec_time"
        "  from pg_stat_statements s join pg_database d on d.oid = s.dbid"
        " where d.datname = %s and s.userid <> %s::regrole and strpos(s.query, %s) > 0",
        [database.name, OBSERVER, mark],
    ).fetchall()
    for userid, dbid, queryid, *_ in found:
        observer.execute("select pg_stat_statements_reset(%s, %s, %s)", [userid, dbid, queryid])
    return Timing(
        sum(row[3] for row in found),
        sum(row[4] for row in found),
        max((row[5] for row in found), default=0.0),
    )


def backends(observer: Connection, database: Database) -> list[int]:
    """Return the process ids of the connections that systems hold to a database."""
    rows = observer.execute(
        "select pid from pg_stat_activity"
        " where datname = %s and usename <> %s and backend_type = 'client backend'",
        [database.name, OBSERVER],
    )
    return [pid for (pid,) in rows.fetchall()]
