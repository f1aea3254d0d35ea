"""The plan of the claim, as EXPLAIN ANALYZE tells it: what it reads, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self
from uuid import uuid4

import psycopg

from app import jobs

_EXPLAIN = b"explain (analyze, buffers, format json) "


def explain_claim(url: str, *, allowlist: Sequence[str], limit: int) -> dict[str, Any]:
    """Return buffers, milliseconds and suspect nodes of one claim, which is rolled back."""
    with psycopg.connect(url) as connection:
        connection.execute("set plan_cache_mode = force_generic_plan")
        plans: list[dict[str, Any]] = []
        connection.cursor_factory = _explaining(plans)
        jobs.claim(
            connection,
            runner_instance=uuid4(),
            actor="runner:plan",
            allowlist=allowlist,
            limit=limit,
        )
        connection.rollback()
    return summary(plans[0])


def _explaining(plans: list[dict[str, Any]]) -> type[psycopg.Cursor[Any]]:
    """Return cursors that have statements explained into `plans`, and return no rows of them."""

    class Explaining(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **_options: Any) -> Self:
            super().execute(_EXPLAIN + query, params, prepare=True)
            ((explained,),) = super().fetchall()
            plans.append(explained[0])
            return self

        def fetchall(self) -> list[Any]:
            return []

    return Explaining


def summary(explained: dict[str, Any]) -> dict[str, Any]:
    """Return what a table shows of one plan in the form of EXPLAIN's JSON."""
    plan = explained["Plan"]
    nodes = list(_nodes(plan))
    scanned = [node for node in nodes if node["Node Type"] == "Seq Scan"]
    return {
        "claim_buffers": plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0),
        "claim_ms": explained["Execution Time"],
        "seq_scans": sorted({node["Relation Name"] for node in scanned}),
        "most_sorted": max(
            (node["Actual Rows"] for node in nodes if node["Node Type"] == "Sort"), default=0
        ),
    }


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)
