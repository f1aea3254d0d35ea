"""The operator's rules for judging headlines, read from `policy.toml` beside this module."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.plain_text import contains_words

POLICY_FILE = Path(__file__).with_name("policy.toml")

Positive = Annotated[float, Field(gt=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(_Table):
    recency: Annotated[float, Field(ge=0)]
    virality: Annotated[float, Field(ge=0)]
    relevance: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _make_a_hundred(self) -> Weights:
        total = self.recency + self.virality + self.relevance
        if abs(total - 100) > 1e-6:
            raise ValueError(f"the weights must add up to 100, not {total:g}")
        return self


class Recency(_Table):
    half_life_hours: Positive


class Virality(_Table):
    full_at_sources: Annotated[int, Field(ge=2)]


class Relevance(_Table):
    full_at: Positive


class Topic(_Table):
    weight: Positive
    words: Annotated[list[str], Field(min_length=1)]

    def found_in(self, title: str) -> list[str]:
        """Return those of the topic's words or phrases that the title holds."""
        return [word for word in self.words if contains_words(title, word)]


class Titles(_Table):
    minimum_words: Annotated[int, Field(ge=1)]
    same_story_days: Positive
    openers: list[str]


class Links(_Table):
    tracking_parameters: list[str]


class Policy(_Table):
    weights: Weights
    recency: Recency
    virality: Virality
    relevance: Relevance
    topics: dict[str, Topic]
    titles: Titles
    links: Links


@cache
def load_policy(path: Path = POLICY_FILE) -> Policy:
    """Read the policy once per process; raises ValueError that names the wrong entry."""
    return Policy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
