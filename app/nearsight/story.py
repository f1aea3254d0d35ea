"""What a collection found: stories, and how each source fared. It travels from slot to runner."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Story(BaseModel):
    """One piece of news, told by one source or by several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    title_key: str | None
    """Folded words of the title; None when the title is too short to stand for its story."""
    url: str
    link_hash: str
    published_at: datetime | None
    sources: tuple[str, ...]


class SourceOutcome(BaseModel):
    """How the reading of one source ended. `error` is in plain words and names no address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    url: str
    status: Literal["read", "unchanged", "failed"]
    items: int = 0
    error: str | None = None
    etag: str | None = None
    last_modified: str | None = None


class Collected(BaseModel):
    """What the handler hands to the store: the best stories first."""

    model_config = ConfigDict(extra="forbid")

    collected_at: datetime
    limit: int
    fetched: int
    """Items read from all sources, before stories were joined."""
    left_out: int
    """Stories of the lowest score that did not fit into one result."""
    stories: list[Story]
    sources: list[SourceOutcome]
