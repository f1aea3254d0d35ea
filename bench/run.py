"""A whole run: prepare the systems, take the scenarios in order, keep the record."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any

from bench import machine, results
from bench.contenders import System, systems
from bench.results import Results
from bench.scenarios import (
    backlog,
    cold_start,
    corpus,
    cost,
    drain,
    enqueue,
    fairness,
    http_enqueue,
    idle,
    latency,
    reads,
    retention,
    snapshot,
)
from bench.server import Server
from bench.session import Run, Session
from bench.sizes import Sizes

SCENARIOS: dict[str, Callable[[Session], list[Run]]] = {
    "drain": drain.measure,
    "enqueue": enqueue.measure,
    "latency": latency.measure,
    "idle": idle.measure,
    "backlog": backlog.measure,
    "snapshot": snapshot.measure,
    "cost": cost.measure,
    "indexes": cost.measure_indexes,
    "fairness": fairness.measure,
    "http": http_enqueue.measure,
    "cold_start": cold_start.measure,
    "corpus": corpus.measure,
    "reads": reads.measure,
    "retention": retention.measure,
}


def run(
    server: Server,
    sizes: Sizes,
    *,
    scenarios: Collection[str],
    chosen: Collection[str],
    environment: Mapping[str, str],
    say: Callable[[str], None],
    keep: Callable[[Results], None],
) -> Results:
    """Run scenarios for the chosen systems; `keep` is given the record after each of them."""
    session = Session(server, sizes, environment=environment, say=say)
    for name, system in systems().items():
        if name in chosen:
            session.prepare(system)
    record: Results = {
        "format": results.FORMAT,
        "mode": sizes.mode,
        "taken_at": results.now(),
        "machine": machine.describe(),
        "postgres": server.describe(),
        "systems": {
            name: _described(system, session.skipped.get(name))
            for name, system in systems().items()
            if name in chosen
        },
        "scenarios": {},
    }
    for name, measure in SCENARIOS.items():
        if name in scenarios:
            say(f"{name}")
            record["scenarios"][name] = _take(session, measure)
            keep(record)
    return record


def _take(session: Session, measure: Callable[[Session], list[Run]]) -> dict[str, Any]:
    begin, taken_at = time.monotonic(), results.now()
    runs = measure(session)
    seconds = time.monotonic() - begin
    session.say(f"  took {seconds:.0f} s")
    return {
        "taken_at": taken_at,
        "seconds": round(seconds, 1),
        "sizes": asdict(session.sizes),
        "runs": runs,
    }


def _described(system: System, skipped: str | None) -> dict[str, Any]:
    return {
        "label": system.label,
        "version": system.version or "this one",
        "is_peer": system.is_peer,
        "needs_python": system.python,
        "tuned": system.tuned,
        "default": system.default,
        "bulk": system.bulk,
        "records": system.records,
        "skipped": skipped,
    }
