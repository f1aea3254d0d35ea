"""A fetched document told apart by its content, for hosts name feeds with every type there is."""

from __future__ import annotations

import codecs

from app.fetch.document import Document
from app.nearsight.feeds.entry import Entry, NotAFeed
from app.nearsight.feeds.json_feed import read_json_feed
from app.nearsight.feeds.xml_feed import read_xml_feed

ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1"
)


def read_feed(document: Document) -> list[Entry]:
    """Return the entries of the feed, in its order; raises `NotAFeed`."""
    body = document.body.removeprefix(codecs.BOM_UTF8).lstrip()
    if not body:
        raise NotAFeed("the document is empty")
    if body.startswith(b"{"):
        return read_json_feed(body, document.url)
    return read_xml_feed(body, document.url, document.content_type)
