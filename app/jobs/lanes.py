"""Lanes that a caller knows, as parameters of the statements that begin at their marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.jobs.job import Lane


def lane_parameters(lanes: Sequence[Lane]) -> dict[str, list[Any]]:
    """Return an array for each attribute, as claim.sql and runners/look.sql take them."""
    return {
        "priorities": [lane.priority for lane in lanes],
        "queues": [lane.queue for lane in lanes],
        "job_types": [lane.job_type for lane in lanes],
        "concurrency_keys": [lane.concurrency_key for lane in lanes],
        "dues": [lane.due_at for lane in lanes],
        "marks": [lane.mark for lane in lanes],
    }
