"""RSS and Atom, read by feedparser. A feed that breaks off still gives the entries before that."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from time import struct_time
from typing import Any
from xml.sax import SAXParseException

import feedparser

from app.nearsight.feeds.entry import MAX_ENTRIES, Entry, NotAFeed


def read_xml_feed(body: bytes, url: str, content_type: str) -> list[Entry]:
    """Return the entries of the feed; relative links are relative to `url`."""
    # Always a stream: feedparser takes a bare string for an address or a file to open.
    parsed = feedparser.parse(
        io.BytesIO(body),
        response_headers={"content-type": content_type, "content-location": url},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    entries = [_entry(entry) for entry in parsed.entries[:MAX_ENTRIES]]
    found = [entry for entry in entries if entry.title and entry.link]
    if not found:
        if isinstance(parsed.get("bozo_exception"), SAXParseException):
            raise NotAFeed("the document is not well-formed XML")
        if not parsed.version:
            raise NotAFeed("the document is not RSS, Atom or JSON Feed")
    return found


def _entry(entry: Any) -> Entry:
    # `updated` only after `published`: feedparser warns when it stands in by itself.
    time = entry.get("published_parsed") or entry.get("updated_parsed")
    return Entry(entry.get("title", ""), entry.get("link", ""), _time(time))


def _time(value: struct_time | None) -> datetime | None:
    """Read feedparser's time, which is in UTC already."""
    if value is None:
        return None
    try:
        return datetime(*value[:6], tzinfo=UTC)
    except ValueError:
        return None
