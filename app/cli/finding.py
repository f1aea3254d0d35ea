"""What a check of `ops doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "problem", "warning", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `fix` is the command or the change that repairs it."""

    check: str
    state: State
    detail: str
    fix: str | None = None
