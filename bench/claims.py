"""Has the runner that loads it among its handlers note how long each of its claims takes."""

from __future__ import annotations

import time
from typing import Any

from app import jobs
from app.jobs import Claim
from bench import tally

_claim = jobs.claim


def _noted(*args: Any, **options: Any) -> list[Claim]:
    begin_ns = time.monotonic_ns()
    claims = _claim(*args, **options)
    end_ns = time.monotonic_ns()
    tally.note_turn(end_ns, end_ns - begin_ns)
    return claims


jobs.claim = _noted
