"""The body of a wake-up: nothing, or the job that it is about. It is a hint and carries no work."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

BODY_MAX_BYTES = 4_096


class HintInvalid(Exception):
    """The body is neither empty nor a hint."""


@dataclass(frozen=True, slots=True)
class Hint:
    job_id: UUID | None = None
    job_type: str | None = None


def read_hint(body: bytes) -> Hint:
    """Return the hint in `body`, or raise HintInvalid."""
    if not body.strip():
        return Hint()
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise HintInvalid from None
    if not isinstance(found, dict) or not found.keys() <= {"job_id", "job_type"}:
        raise HintInvalid
    job_type = found.get("job_type")
    if job_type is not None and not isinstance(job_type, str):
        raise HintInvalid
    return Hint(_job_id(found.get("job_id")), job_type)


def _job_id(value: object) -> UUID | None:
    if value is None:
        return None
    try:
        return UUID(str(value))
    except ValueError:
        raise HintInvalid from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise HintInvalid
    return found
