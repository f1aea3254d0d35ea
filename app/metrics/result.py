"""What a refresh reports: the result of `metrics_refresh`."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from app.metrics.snapshot import Snapshot


class Change(BaseModel):
    """How a page's newest snapshot of this run differs from the one before it."""

    model_config = ConfigDict(extra="forbid")

    since: date
    days: int
    followers: int
    posts: int
    engagement: int


class PageReport(BaseModel):
    model_config = ConfigDict(extra="forbid")

    page: str
    platform: str
    taken_on: date
    followers: int
    posts: int
    engagement: int
    change: Change | None = Field(description="None for the first snapshot of a page")


class RefreshResult(BaseModel):
    """Every snapshot that was read is new, changed, unchanged or superseded."""

    model_config = ConfigDict(extra="forbid")

    read: int
    new: int
    changed: int
    unchanged: int
    superseded: int = Field(description="Of a page and day that a later row told again")
    rejected: int
    rejected_rows: list[str] = Field(description="The first of them, each with what is wrong")
    pages: list[PageReport]


class Refreshed(BaseModel):
    """What the handler hands to the store."""

    model_config = ConfigDict(extra="forbid")

    snapshots: list[Snapshot]
    rejected_rows: list[str] = []
    rejected: int = 0
