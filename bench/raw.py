"""The raw SQL limit of our layout: the product's own verbs in a loop, without runner or handlers.

As the engine does, a loop succeeds the batch that it holds and claims the next in one transaction,
from the marks of the lanes that it knows. What an engine in Python can reach on this machine is a
part of this.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg

from app import jobs
from app.db.connection import connect
from app.jobs import Claim, Success
from app.version import VERSION
from bench import tally
from worker.lanes import Lanes, reached

ACTOR = "runner:raw"
RESULT = '{"ok":true}'


@dataclass(slots=True)
class Loop:
    """One connection that claims and succeeds batches of one size."""

    connection: psycopg.Connection[Any]
    runner: UUID
    allowlist: Sequence[str]
    batch: int
    lanes: Lanes = field(default_factory=Lanes)
    turns: int = 0

    def turn(self, held: list[Claim]) -> list[Claim]:
        """Succeed the held claims and claim the next ones; return those."""
        with self.connection.transaction():
            if held:
                outcomes = [Success(claim.id, claim.claim_seq, RESULT) for claim in held]
                jobs.succeed(self.connection, outcomes, actor=ACTOR)
                jobs.close_claims(self.connection, [held[0].batch])
            return self._claim()

    def _claim(self) -> list[Claim]:
        self.turns += 1
        known, begun_at = self.lanes.known(), time.monotonic()
        claims = jobs.claim(
            self.connection,
            runner_instance=self.runner,
            actor=ACTOR,
            allowlist=self.allowlist,
            limit=self.batch,
            turn=self.turns,
            lanes=known or (),
            only_lanes=known is not None,
        )
        self.lanes.claimed(
            reached(claims),
            has_looked=known is None,
            is_filled=len(claims) == self.batch,
            seconds=time.monotonic() - begun_at,
        )
        return claims


def open_loop(url: str, *, allowlist: Sequence[str], batch: int) -> Loop:
    """Return a loop on a connection of its own, registered as a runner."""
    connection = connect(url)
    # Plans for arrays of known length would hash-join over the whole table at first.
    connection.execute("set plan_cache_mode = force_generic_plan")
    runner = uuid4()
    jobs.register_runner(
        connection, id=runner, name="raw", host="localhost", pid=0, version=VERSION,
        allowlist=allowlist, slots=batch,
    )  # fmt: skip
    return Loop(connection, runner, allowlist, batch)


def work(loop: Loop, *, idle_seconds: float) -> None:
    """Claim and succeed for ever; look again after `idle_seconds` when nothing was due."""
    held: list[Claim] = []
    while True:
        begin_ns = time.monotonic_ns()
        claimed = loop.turn(held)
        end_ns = time.monotonic_ns()
        tally.record_many(len(held))
        tally.note_turn(end_ns, end_ns - begin_ns)
        if not (held or claimed):
            time.sleep(idle_seconds)
        held = claimed


def copy_jobs(connection: psycopg.Connection[Any], rows: Iterable[tuple[str, str, str]]) -> None:
    """COPY job types, queues and payloads into `ops_jobs`, without events: the bar of the bulk."""
    with (
        connection.cursor() as cursor,
        cursor.copy("copy ops_jobs (job_type, queue, payload) from stdin") as copy,
    ):
        for row in rows:
            copy.write_row(row)
