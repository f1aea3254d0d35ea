"""Who takes part: the systems, and the ways in which the scenarios run them."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PEERS = Path(__file__).with_name("peers.toml")
OURS = "ours"
RAW = "raw"


@dataclass(frozen=True, slots=True)
class System:
    """A queue on PostgreSQL: what it needs, and how its settings read to a person.

    `jobs` is the most that a scenario loads into it; a slow one would hold up the run for nothing.
    """

    name: str
    label: str
    finished: str
    tuned: str
    default: str
    bulk: str
    records: str
    version: str = ""
    requires: tuple[str, ...] = ()
    python: str = ""
    jobs: int = 1_000_000
    loads_a_million: bool = False
    sustains: bool = False

    @property
    def is_peer(self) -> bool:
        return bool(self.requires)


_FINISHED = "select count(*) from ops_jobs where status = 'succeeded'"

_OWN = (
    System(
        OURS,
        "Domain Expansion",
        finished=_FINISHED,
        tuned="4 process slots, 8 thread slots",
        default="as shipped",
        bulk="enqueue_many, 5,000 a call",
        records="result and events",
        loads_a_million=True,
        sustains=True,
    ),
    System(
        RAW,
        "raw SQL limit",
        finished=_FINISHED,
        tuned="the same verbs in a loop, 1,000 at a time",
        default="none: it has no worker",
        bulk="COPY into ops_jobs, no events",
        records="result and events",
        loads_a_million=True,
        sustains=True,
    ),
)


@functools.cache
def systems() -> dict[str, System]:
    """Return every system by name, ours and the raw limit first."""
    peers = tomllib.loads(PEERS.read_text(encoding="utf-8"))
    found = [*_OWN, *(_peer(name, entry) for name, entry in peers.items())]
    return {system.name: system for system in found}


def _peer(name: str, entry: Mapping[str, Any]) -> System:
    return System(name, **{**entry, "requires": tuple(entry["requires"])})


@dataclass(frozen=True, slots=True)
class Contender:
    """One system run in one way; `options` go to its adapter."""

    name: str
    label: str
    system: System
    options: Mapping[str, Any] = field(default_factory=dict)


def tuned(system: System, **options: Any) -> Contender:
    """Return the contender that runs a system with its best documented settings."""
    return Contender(system.name, system.label, system, {"profile": "tuned", **options})


def default(system: System, **options: Any) -> Contender:
    """Return the contender that runs a system as it is shipped."""
    return Contender(system.name, system.label, system, {"profile": "default", **options})


def variant(contender: Contender, suffix: str, words: str, **options: Any) -> Contender:
    """Return a contender under a name of its own, with further options."""
    return Contender(
        f"{contender.name}-{suffix}",
        f"{contender.label}, {words}",
        contender.system,
        {**contender.options, **options},
    )
