"""Job types: what the control plane knows of a kind of work. The handler is the runner's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """`flag` is the setting that switches the type on, None for one that is always on."""

    name: str
    payload: type[BaseModel]
    result: type[BaseModel]
    summary: str
    flag: str | None = None
    example: Mapping[str, Any] = field(default_factory=dict)


JobTypes = Mapping[str, JobType]
