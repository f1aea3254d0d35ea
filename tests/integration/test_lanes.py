"""The lanes that have jobs, as claims and looks find them beside those that are known."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import psycopg

from app import jobs
from app.jobs import Lane
from app.jobs.lanes import lane_parameters

Conn = psycopg.Connection[Any]

LANES_FROM = """
select priority, queue, job_type, concurrency_key, due_at, mark
  from ops_lanes_from(
         %(priorities)s::smallint[], %(queues)s::text[], %(job_types)s::text[],
         %(concurrency_keys)s::text[], %(dues)s::timestamptz[], %(marks)s::bigint[]
       )
 order by 1, 2, 3, 4
"""


def lanes_from(conn: Conn, known: list[Lane]) -> list[Lane]:
    return [Lane(*row) for row in conn.execute(LANES_FROM, lane_parameters(known))]


def enqueue(conn: Conn, job_type: str, **fields: Any) -> jobs.Job:
    return jobs.enqueue(conn, job_type, {}, **fields)


def test_the_same_lanes_are_found_whichever_are_known(connection: Conn) -> None:
    for priority in (0, 5, 9):
        for job_type, queue in (("a", "default"), ("b", "default"), ("b", "other")):
            enqueue(connection, job_type, queue=queue, priority=priority)
    enqueue(connection, "b", concurrency_key="key")
    found = lanes_from(connection, [])
    assert len(found) == 10
    for known in combinations(found, 3):
        assert lanes_from(connection, list(known)) == found
    assert lanes_from(connection, found) == found


def test_a_known_lane_begins_after_its_mark(connection: Conn) -> None:
    with connection.transaction():  # all are due at the same time
        first, second = (enqueue(connection, "a") for _ in range(2))
    other = enqueue(connection, "b")
    lane, beside = lanes_from(connection, [])
    assert (lane.due_at, lane.mark) == (first.available_at, first.seq - 1)
    assert lanes_from(connection, [lane]) == [lane, beside]
    assert lanes_from(connection, [lane._replace(mark=first.seq)]) == [
        lane._replace(mark=second.seq - 1),
        beside,
    ]
    assert lanes_from(connection, [lane._replace(mark=second.seq)]) == [beside]
    assert (beside.job_type, beside.mark) == ("b", other.seq - 1)


def test_a_look_begins_at_the_marks_of_known_lanes(connection: Conn) -> None:
    due = enqueue(connection, "a")
    later = enqueue(connection, "b", delay_seconds=60)
    (lane, _) = lanes_from(connection, [])

    def due_in(known: list[Lane]) -> float | None:
        return jobs.look(
            connection, runner_instance=due.id, allowlist=["a", "b"], lease_seconds=60, lanes=known
        ).due_in_seconds

    seen = due_in([lane])
    assert seen is not None
    assert seen <= 0
    seen = due_in([lane._replace(mark=due.seq)])
    assert seen is not None
    assert 0 < seen <= 60
    assert later.available_at > due.available_at
