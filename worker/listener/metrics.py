"""The runner's state as Prometheus text; a scrape renders what the runner says at that moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _State:
    """A collector over one answer of the runner."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        state = self._state
        yield _gauge("ops_runner_slots", "Slots of this runner.", state["slots"])
        yield _gauge("ops_runner_running", "Jobs that it holds.", state["running"])
        yield _gauge("ops_runner_ready", "Whether the runner is ready.", state["is_ready"])
        reachable = state["database_reachable"]
        yield _gauge("ops_runner_database_reachable", "Whether the last call went well.", reachable)
        if state["last_look_seconds"] is not None:
            age = state["last_look_seconds"]
            yield _gauge("ops_runner_last_look_seconds", "Age of the last look.", age)
        yield CounterMetricFamily("ops_runner_wakes", "Wake-ups taken.", value=state["wakes"])
        events = CounterMetricFamily(
            "ops_runner_jobs", "What happened to jobs here.", labels=["event", "job_type"]
        )
        for event, job_type, count in state["jobs"]:
            events.add_metric([event, job_type], count)
        yield events


def render_metrics(state: Mapping[str, Any]) -> bytes:
    """Return the metrics page for what the runner said."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_State(state))
    return generate_latest(registry)


def _gauge(name: str, help: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help, value=float(value))
