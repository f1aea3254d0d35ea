"""A page's numbers on one day, as somebody reports them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from app.plain_text import plain_text

MAX_SNAPSHOTS = 5_000
FIRST_DAY = date(2000, 1, 1)
MAX_PAGE_LENGTH = 100


def _readable(page: str) -> str:
    cleaned = plain_text(page, max_length=MAX_PAGE_LENGTH)
    if not any(character.isalnum() for character in cleaned):
        raise ValueError("holds nothing to read")
    return cleaned


def _folded(platform: object) -> object:
    return platform.strip().lower() if isinstance(platform, str) else platform


def _plausible(day: date) -> date:
    # Where the day begins first it is tomorrow already.
    latest = datetime.now(UTC).date() + timedelta(days=1)
    if not FIRST_DAY <= day <= latest:
        raise ValueError("must be a day between 2000-01-01 and today")
    return day


Count = Annotated[int, Field(ge=0, le=2**53)]


class Snapshot(BaseModel):
    """One row of a report. `engagement` counts interactions on that day: likes, replies, shares."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: Annotated[str, Field(max_length=MAX_PAGE_LENGTH), AfterValidator(_readable)]
    platform: Annotated[str, BeforeValidator(_folded), Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
    taken_on: Annotated[date, AfterValidator(_plausible)]
    followers: Count
    posts: Count
    engagement: Count

    @property
    def page_key(self) -> str:
        """Return what makes two spellings the same page: `@Harbour` is `harbour`."""
        return self.page.lstrip("@ ").lower()
