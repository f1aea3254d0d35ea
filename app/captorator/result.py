"""What a composition reports: the result of `captorator_compose`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from app.captorator.request import ComposeCaption


class Check(BaseModel):
    """One thing that a good caption does, looked up in the finished text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    passed: bool
    detail: str


class CaptionResult(BaseModel):
    model_config = ConfigDict(extra="forbid")

    caption: str = Field(description="Ready to paste, hashtags included")
    hashtags: list[str]
    platform: str
    length: int = Field(description="As the platform counts")
    max_length: int
    left_out: list[str] = Field(description="What had no room on this platform")
    checks: list[Check]
    vocabulary_version: int


class Composed(BaseModel):
    """What the handler hands to the store."""

    model_config = ConfigDict(extra="forbid")

    request: ComposeCaption
    result: CaptionResult
