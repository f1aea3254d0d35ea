"""JSON Feed 1.0 and 1.1. A broken item is passed over; a broken document is not a feed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urljoin

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.nearsight.feeds.entry import MAX_ENTRIES, Entry, NotAFeed


class _Feed(BaseModel):
    version: Annotated[str, Field(pattern=r"^https?://(www\.)?jsonfeed\.org/version/1")]
    items: list[Any]


class _Item(BaseModel):
    url: str
    title: str
    date_published: Any = None


_TIME: TypeAdapter[datetime] = TypeAdapter(datetime)


def read_json_feed(body: bytes, url: str) -> list[Entry]:
    """Return the entries of the feed; relative links are relative to `url`."""
    try:
        feed = _Feed.model_validate(json.loads(body))
    except ValidationError as error:
        raise NotAFeed("the document is JSON but not a JSON Feed") from error
    except (ValueError, RecursionError) as error:
        raise NotAFeed("the document is not well-formed JSON") from error
    entries = [_entry(item, url) for item in feed.items[:MAX_ENTRIES]]
    return [entry for entry in entries if entry is not None]


def _entry(value: object, url: str) -> Entry | None:
    try:
        item = _Item.model_validate(value)
        link = urljoin(url, item.url)
    except ValueError:
        return None
    return Entry(item.title, link, _time(item.date_published))


def _time(value: object) -> datetime | None:
    """Read an RFC 3339 time; one without a zone is taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        time = _TIME.validate_python(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
