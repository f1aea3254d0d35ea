"""What a collection is asked to do: the payload of `nearsight_collect_refresh`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.fetch.field import FetchableUrl
from app.plain_text import plain_text

MAX_NAME_LENGTH = 100
MAX_SOURCES = 100

_VALIDATOR = r"^[\x20-\x7e]*$"


def _clean_name(name: str) -> str:
    cleaned = plain_text(name, max_length=MAX_NAME_LENGTH)
    if not cleaned:
        raise ValueError("a source needs a name")
    return cleaned


class Source(BaseModel):
    """A feed to read. The validators make the request conditional; the runner fills them in."""

    # An address may carry a secret although it must not: an error message never repeats it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(max_length=MAX_NAME_LENGTH), AfterValidator(_clean_name)]
    url: FetchableUrl
    etag: Annotated[str | None, Field(max_length=500, pattern=_VALIDATOR)] = None
    last_modified: Annotated[str | None, Field(max_length=500, pattern=_VALIDATOR)] = None


class CollectPayload(BaseModel):
    """Which feeds to read; without `sources`, the enabled rows of `nearsight_sources`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    sources: Annotated[list[Source], Field(max_length=MAX_SOURCES)] = []
    limit: Annotated[int, Field(ge=1, le=100, description="How many headlines to return")] = 20

    @model_validator(mode="after")
    def _sources_differ(self) -> CollectPayload:
        for what, values in (
            ("name", [source.name for source in self.sources]),
            ("url", [source.url for source in self.sources]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"two sources have the same {what}")
        return self
