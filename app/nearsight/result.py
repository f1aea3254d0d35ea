"""What a collection reports: the result of `nearsight_collect_refresh`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Signal(BaseModel):
    """One reason for a score: how many points it gave, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["recency", "virality", "relevance"]
    points: float
    why: str


class Headline(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rank: int
    title: str
    url: str
    sources: list[str]
    score: float
    signals: list[Signal]
    published_at: datetime | None
    is_new: bool = Field(description="The story was not known before this run")


class SourceReport(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    status: Literal["read", "unchanged", "failed"]
    items: int
    error: str | None


class CollectResult(BaseModel):
    """Every item that was fetched is new, known, a duplicate or left out."""

    model_config = ConfigDict(extra="forbid")

    fetched: int
    new: int
    known: int
    duplicates: int
    left_out: int
    failed_sources: int
    unchanged_sources: int
    sources: list[SourceReport]
    headlines: list[Headline]
    note: str | None = None
