"""How much each scenario does: a full run for the record, a quick one for a look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The numbers of one mode; results carry them, and tables state them.

    `divisor` shrinks what a slow system is given (`System.jobs`) in the same way;
    `peers_at_length` says that they take part in the long scenarios, backlog and snapshot.
    """

    mode: str
    repeats: int
    divisor: int
    drain_jobs: int
    single_calls: int
    bulk_jobs: int
    latency_jobs: int
    latency_every_seconds: float
    look_jobs: int
    settle_seconds: float
    idle_seconds: float
    backlog_rows: int
    backlog_claims: int
    snapshot_seconds: float
    snapshot_peer_seconds: float
    snapshot_windows: int
    snapshot_rate: int
    cost_jobs: int
    flood_jobs: int
    http_seconds: float
    cold_starts: int
    history_rows: int
    reads: int
    retention_jobs: int
    peers_at_length: bool


FULL = Sizes(
    mode="full",
    repeats=3,
    divisor=1,
    drain_jobs=50_000,
    single_calls=2_000,
    bulk_jobs=100_000,
    latency_jobs=300,
    latency_every_seconds=0.05,
    look_jobs=60,
    settle_seconds=15,
    idle_seconds=600,
    backlog_rows=1_000_000,
    backlog_claims=20_000,
    snapshot_seconds=600,
    snapshot_peer_seconds=120,
    snapshot_windows=10,
    snapshot_rate=500,
    cost_jobs=20_000,
    flood_jobs=50_000,
    http_seconds=8,
    cold_starts=10,
    history_rows=1_000_000,
    reads=20,
    retention_jobs=200_000,
    peers_at_length=True,
)
QUICK = Sizes(
    mode="quick",
    repeats=1,
    divisor=10,
    drain_jobs=10_000,
    single_calls=200,
    bulk_jobs=5_000,
    latency_jobs=40,
    latency_every_seconds=0.05,
    look_jobs=6,
    settle_seconds=2,
    idle_seconds=8,
    backlog_rows=10_000,
    backlog_claims=2_000,
    snapshot_seconds=4,
    snapshot_peer_seconds=4,
    snapshot_windows=4,
    snapshot_rate=200,
    cost_jobs=1_000,
    flood_jobs=2_000,
    http_seconds=0.25,
    cold_starts=2,
    history_rows=20_000,
    reads=3,
    retention_jobs=20_000,
    peers_at_length=False,
)
