"""What a caption is asked to say: the payload of `captorator_compose`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.captorator.vocabulary import load_vocabulary
from app.plain_text import plain_text

MAX_DETAILS = 6
MAX_DETAIL_LENGTH = 140


def _readable(value: str) -> str:
    cleaned = plain_text(value, max_length=2 * MAX_DETAIL_LENGTH)
    if not any(character.isalnum() for character in cleaned):
        raise ValueError("holds nothing to read")
    return cleaned


def _entry_of(table: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        names = _names(table)
        if value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return value

    return check


def _list(table: str) -> Callable[[JsonDict], None]:
    """Let the JSON Schema list the entries of the vocabulary."""

    def describe(schema: JsonDict) -> None:
        schema["enum"] = [*_names(table)]

    return describe


def _names(table: str) -> list[str]:
    entries: dict[str, Any] = getattr(load_vocabulary(), table)
    return sorted(entries)


Words = Annotated[str, Field(max_length=60), AfterValidator(_readable)]
Detail = Annotated[str, Field(max_length=MAX_DETAIL_LENGTH), AfterValidator(_readable)]
Category = Annotated[
    str, AfterValidator(_entry_of("categories")), Field(json_schema_extra=_list("categories"))
]
Platform = Annotated[
    str, AfterValidator(_entry_of("platforms")), Field(json_schema_extra=_list("platforms"))
]
Profile = Annotated[
    str, AfterValidator(_entry_of("profiles")), Field(json_schema_extra=_list("profiles"))
]
Tone = Annotated[str, AfterValidator(_entry_of("tones")), Field(json_schema_extra=_list("tones"))]


class ComposeCaption(BaseModel):
    """The facts and the manner. What is not in `details` will not be in the caption."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Profile
    city: Words
    category: Category
    details: Annotated[list[Detail], Field(min_length=1, max_length=MAX_DETAILS)]
    creator: Words | None = None
    tone: Tone = "warm"
    platform: Platform = "instagram"
    seed: Annotated[
        int, Field(ge=0, le=2**53, description="Another seed gives another wording")
    ] = 0
