"""The names of our own no-op jobs: one for each kind of slot, and ten for a mixed backlog."""

from __future__ import annotations

JOB_TYPES = {"process": "bench_process", "thread": "bench_thread"}
TEN_TYPES = tuple(f"bench_type_{number}" for number in range(10))
ALLOWLIST = (*JOB_TYPES.values(), *TEN_TYPES)
