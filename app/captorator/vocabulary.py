"""The words that captions are made of, read from `vocabulary.toml` beside this module."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.toml")

Templates = Annotated[list[str], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Profile(_Table):
    handle: Annotated[str, Field(pattern=r"^@[\w.]+$")]
    tags: list[str]


class Category(_Table):
    label: str
    tags: list[str]


class Tone(_Table):
    hooks: Templates
    calls_to_action: Templates


class Lines(_Table):
    place: Templates
    follow: Templates
    credit: Templates


class Platform(_Table):
    max_length: Annotated[int, Field(gt=0)]
    max_hashtags: Annotated[int, Field(ge=0)]
    wide_characters_count_twice: bool = False

    def length_of(self, text: str) -> int:
        """Count `text` as the platform does."""
        if not self.wide_characters_count_twice:
            return len(text)
        return sum(1 if _is_narrow(ord(character)) else 2 for character in text)


class Vocabulary(_Table):
    version: int
    profiles: dict[str, Profile]
    categories: dict[str, Category]
    tones: dict[str, Tone]
    lines: Lines
    platforms: dict[str, Platform]
    prohibited: dict[str, str]
    """A word or phrase, and the reason for refusing it."""


@cache
def load_vocabulary() -> Vocabulary:
    """Read the vocabulary once per process; raises ValueError that names the wrong entry."""
    return Vocabulary.model_validate(tomllib.loads(VOCABULARY_FILE.read_text(encoding="utf-8")))


def _is_narrow(code_point: int) -> bool:
    # The ranges that X counts once; emoji and East Asian scripts are outside of them.
    return (
        code_point <= 0x10FF
        or 0x2000 <= code_point <= 0x200D
        or 0x2010 <= code_point <= 0x201F
        or 0x2032 <= code_point <= 0x2037
    )
