"""The plans of the hot statements: they walk no backlog, whatever the tables hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from app import jobs
from app.jobs import Lane
from app.jobs.lanes import lane_parameters
from app.jobs.statements import SQL
from tests.factories import a_runner
from worker.marks import SINCE_SERVER_VERSION

Conn = psycopg.Connection[Any]

BACKLOG = 30_000
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TYPES = [f"job_{n}" for n in range(10)]
PARAMETERS = {
    "actor": "text", "after": "uuid", "allowlist": "text[]", "available_at": "timestamptz",
    "budget": "integer", "bursts": "double precision[]", "claim_seqs": "bigint[]",
    "concurrency_key": "text", "concurrency_keys": "text[]", "dues": "timestamptz[]",
    "ids": "uuid[]", "job_type": "text", "job_types": "text[]",
    "keep_keys_seconds": "double precision",
    "keep_seconds": "double precision", "lease_seconds": "double precision",
    "limit": "integer", "limited_types": "text[]", "marks": "bigint[]", "most": "integer",
    "most_for_key": "integer[]", "most_now": "integer[]", "most_running": "integer[]",
    "only_lanes": "boolean",
    "priorities": "smallint[]", "priority": "smallint", "queues": "text[]",
    "rates": "double precision[]", "results": "text[]", "runner_instance": "uuid", "seq": "bigint",
    "turn": "bigint",
}  # fmt: skip


@pytest.fixture
def backlog(connection: Conn) -> Conn:
    """Fill the tables: ten types in two queues, as many not due, as many finished."""
    connection.execute(
        "insert into ops_jobs (job_type, queue) select 'job_' || n %% 10,"
        " case n %% 2 when 0 then 'default' else 'other' end from generate_series(1, %s) n",
        [BACKLOG],
    )
    connection.execute(
        "insert into ops_jobs (job_type, priority, available_at)"
        " select 'job_1', 0, now() + interval '1 day' from generate_series(1, %s)",
        [BACKLOG],
    )
    connection.execute(
        "insert into ops_jobs"
        " (job_type, status, ready, started_at, finished_at, runner_instance, claim_seq)"
        " select 'job_1', 'succeeded', false, now(), now(), gen_random_uuid(), 1"
        " from generate_series(1, %s)",
        [BACKLOG],
    )
    connection.execute(
        "insert into ops_job_events (job_id, kind, actor) select id, 'queued', 'api' from ops_jobs"
    )
    connection.execute("vacuum analyze ops_jobs, ops_job_events")
    return connection


def explain(conn: Conn, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Run the statement under its generic plan and return what the plan did."""
    names: list[str] = []

    def numbered(match: re.Match[str]) -> str:
        if match.group(1) not in names:
            names.append(match.group(1))
        return f"${names.index(match.group(1)) + 1}"

    text = re.sub(r"(?<![:\w]):([a-z_]+)", numbered, (SQL / f"{name}.sql").read_text())
    types = ", ".join(PARAMETERS[known] for known in names)
    conn.execute("set plan_cache_mode = force_generic_plan")
    conn.execute(f"prepare hot ({types}) as {text}".encode())
    arguments = ", ".join(["%s"] * len(names))
    cursor = psycopg.ClientCursor(conn)
    cursor.execute(
        f"explain (analyze, buffers, format json) execute hot ({arguments})".encode(),
        [values[known] for known in names],
    )
    row: Any = cursor.fetchone()
    conn.execute("deallocate hot")
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def assert_bounded(plan: dict[str, Any], *, rows: int) -> None:
    """No node scans jobs or events in sequence or sees more than `rows`; few buffers a row."""
    for node in nodes(plan):
        scanned = node.get("Relation Name"), node["Node Type"]
        assert scanned not in [("ops_jobs", "Seq Scan"), ("ops_job_events", "Seq Scan")]
        assert node["Actual Rows"] * node["Actual Loops"] <= rows
        assert node.get("Rows Removed by Filter", 0) * node["Actual Loops"] <= rows
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 30 * rows


def claim_values(**changes: Any) -> dict[str, Any]:
    return {
        "actor": "runner:test", "allowlist": TYPES, "limit": 100, "turn": 0, "only_lanes": False,
        **lane_parameters(()),
        "limited_types": [], "most_now": [], "most_running": [], "most_for_key": [], "rates": [],
        "bursts": [], "runner_instance": uuid4(), **changes,
    }  # fmt: skip


def test_a_claim_walks_no_backlog(backlog: Conn) -> None:
    plan = explain(backlog, "claim", claim_values())
    assert plan["Actual Rows"] == 100
    assert_bounded(plan, rows=100)


def test_a_claim_does_not_walk_jobs_of_types_it_does_not_allow(backlog: Conn) -> None:
    backlog.execute("insert into ops_jobs (job_type) values ('rare_job')")
    plan = explain(backlog, "claim", claim_values(allowlist=["rare_job"]))
    assert plan["Actual Rows"] == 1
    assert_bounded(plan, rows=100)


def test_a_claim_does_not_walk_a_paused_queue(backlog: Conn) -> None:
    backlog.execute(
        "insert into ops_queues (name, paused_at, paused_by) values ('default', now(), 'test')"
    )
    plan = explain(backlog, "claim", claim_values())
    assert plan["Actual Rows"] == 100
    assert_bounded(plan, rows=100)


def test_a_claim_of_a_known_lane_walks_no_backlog(backlog: Conn) -> None:
    lanes = claim_values(
        **lane_parameters([Lane(5, "default", "job_2", "", LONG_AGO, 0)]), only_lanes=True
    )
    plan = explain(backlog, "claim", lanes)
    assert plan["Actual Rows"] == 100
    assert_bounded(plan, rows=100)
    searches = [node for node in nodes(plan) if node["Node Type"] == "Recursive Union"]
    assert [node["Actual Loops"] for node in searches] == [0]  # none is looked for


def test_what_a_snapshot_keeps_in_the_index_is_not_walked_again(
    backlog: Conn, database_url: str
) -> None:
    if backlog.info.server_version < SINCE_SERVER_VERSION:
        pytest.skip("before PostgreSQL 18 a bound of several columns does not end a scan")
    with psycopg.connect(database_url) as holder:
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("select 1 from ops_jobs limit 1")
        backlog.execute("update ops_jobs set ready = false, status = 'cancelled',"
                        " finished_at = now() where ready and available_at <= now()")  # fmt: skip
        late = jobs.enqueue(backlog, "job_2", {})
        front = explain(backlog, "claim", claim_values(limit=1))
        assert front["Shared Hit Blocks"] + front["Shared Read Blocks"] > BACKLOG / 10
        lanes = [
            Lane(5, queue, job_type, "", late.available_at, 0)
            for queue in ("default", "other")
            for job_type in TYPES
        ]
        job = jobs.enqueue(backlog, "job_2", {})
        plan = explain(backlog, "claim", claim_values(limit=1, **lane_parameters(lanes)))
        assert plan["Actual Rows"] == 1
        assert jobs.get_job(backlog, job.id).status == "running"
        assert_bounded(plan, rows=100)
        values = {
            "allowlist": TYPES, "lease_seconds": 60, "runner_instance": uuid4(),
            **lane_parameters(lanes),
        }  # fmt: skip
        assert_bounded(explain(backlog, "runners/look", values), rows=100)


def test_a_claim_of_a_limited_type_counts_what_runs_by_its_claims(backlog: Conn) -> None:
    jobs.declare_limits(backlog, ["job_2"])
    jobs.claim(backlog, runner_instance=uuid4(), actor="runner:test", allowlist=TYPES, limit=50)
    limits = claim_values(
        limited_types=["job_2"], most_now=[80], most_running=[90], most_for_key=[None],
        rates=[None], bursts=[None],
    )  # fmt: skip
    plan = explain(backlog, "claim", limits)
    assert_bounded(plan, rows=100)


def test_a_heartbeat_finds_its_jobs_by_their_claims(backlog: Conn) -> None:
    runner = uuid4()
    jobs.claim(backlog, runner_instance=runner, actor="runner:test", allowlist=TYPES, limit=100)
    for name in ("runners/heartbeat", "runners/held"):
        assert_bounded(explain(backlog, name, {"runner_instance": runner}), rows=100)


def test_a_finish_touches_its_own_rows_alone(backlog: Conn) -> None:
    claims = jobs.claim(
        backlog, runner_instance=uuid4(), actor="runner:test", allowlist=TYPES, limit=100
    )
    finish = {
        "ids": [c.id for c in claims], "claim_seqs": [c.claim_seq for c in claims],
        "results": ["{}"] * len(claims), "actor": "runner:test",
    }  # fmt: skip
    plan = explain(backlog, "succeed", finish)
    assert plan["Actual Rows"] == 100
    assert_bounded(plan, rows=100)


def test_a_finish_rewrites_no_index(connection: Conn) -> None:
    """PostgreSQL keeps a row's index entries when no indexed column changes: a HOT update."""
    jobs.enqueue_many(connection, [jobs.NewJob(job_type="job_1")] * 10)
    claims = jobs.claim(
        connection, runner_instance=uuid4(), actor="runner:test", allowlist=TYPES, limit=10
    )

    def hot_updates() -> int:
        connection.execute("select pg_stat_force_next_flush()")
        row = connection.execute(
            "select n_tup_hot_upd from pg_stat_user_tables where relname = 'ops_jobs'"
        ).fetchone()
        return int(row[0]) if row else 0

    before = hot_updates()
    jobs.succeed(
        connection, [jobs.Success(c.id, c.claim_seq, "{}") for c in claims], actor="runner:test"
    )
    assert hot_updates() - before == 10


def test_a_look_probes_lanes_not_jobs(backlog: Conn) -> None:
    plan = explain(
        backlog,
        "runners/look",
        {
            "allowlist": TYPES,
            "lease_seconds": 60,
            "runner_instance": uuid4(),
            **lane_parameters(()),
        },
    )
    assert_bounded(plan, rows=100)


@pytest.mark.parametrize("is_limited", [False, True], ids=["free", "limited"])
def test_why_a_job_waits_is_told_without_a_walk(backlog: Conn, is_limited: bool) -> None:
    """The newest of a type's 3,000 jobs: no more than `most` of those before it are counted."""
    runner = a_runner(backlog, allowlist=tuple(TYPES))
    limits = [jobs.Limit(job_type="job_2", most_running=1)] if is_limited else []
    if is_limited:
        jobs.declare_limits(backlog, ["job_2"])
    jobs.claim(
        backlog, runner_instance=runner, actor="runner:test", allowlist=TYPES, limit=50,
        limits=limits,
    )  # fmt: skip
    values = {
        "job_type": "job_2", "concurrency_key": "", "priority": 5, "most": 100,
        "available_at": datetime.now(UTC), "seq": 10 * BACKLOG,
    }  # fmt: skip
    plan = explain(backlog, "reads/load", values)
    assert_bounded(plan, rows=100)
    lanes = [node for node in nodes(plan) if node["Node Type"] == "Recursive Union"]
    assert [node["Actual Loops"] for node in lanes] == [int(is_limited)]


def test_a_rescue_finds_its_jobs_by_their_claims(backlog: Conn) -> None:
    jobs.claim(backlog, runner_instance=uuid4(), actor="runner:test", allowlist=TYPES, limit=100)
    plan = explain(
        backlog, "rescue", {"lease_seconds": 60, "budget": 3, "actor": "api", "limit": 50}
    )
    assert plan["Actual Rows"] == 100
    assert_bounded(plan, rows=100)


def test_a_sweep_reads_what_is_old_alone(backlog: Conn) -> None:
    values = {
        "runner_instance": uuid4(), "after": UUID(int=0), "keep_seconds": 3600.0,
        "keep_keys_seconds": 3600.0, "limit": 100,
    }  # fmt: skip
    assert_bounded(explain(backlog, "retention/sweep", values), rows=100)
