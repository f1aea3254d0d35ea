"""Feeds of every kind and in every state of repair."""

from __future__ import annotations

import codecs
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.fetch.document import Document
from app.nearsight.feeds.entry import MAX_ENTRIES, Entry, NotAFeed
from app.nearsight.feeds.feed import read_feed

NINE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LINK = "https://outlet.example/a"

RSS = b"""<?xml version="1.0"?>
<rss version="2.0"><channel><title>Outlet</title>
<item><title>A &lt;b&gt;first&lt;/b&gt;</title><link>https://outlet.example/a</link>
<pubDate>Tue, 24 Nov 2026 10:00:00 +0100</pubDate></item>
<item><title>Second</title><guid>https://outlet.example/b</guid></item>
<item><description>no title, no link</description></item>
</channel></rss>"""

ATOM = b"""<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Outlet</title>
<entry><title>First</title><link rel="self" href="https://outlet.example/self"/>
<link rel="alternate" href="/a"/><updated>2026-11-24T09:00:00Z</updated></entry></feed>"""


def read(body: bytes, content_type: str = "") -> list[Entry]:
    url = "https://outlet.example/feeds/all?key=1"
    return read_feed(Document(url, body, content_type, None, None))


def json_feed(*items: object, version: str = "https://jsonfeed.org/version/1.1") -> bytes:
    return json.dumps({"version": version, "title": "Outlet", "items": items}).encode()


def test_rss_is_read() -> None:
    assert read(RSS, "application/rss+xml") == [
        Entry("A <b>first</b>", LINK, NINE),
        Entry("Second", "https://outlet.example/b", None),
    ]


def test_atom_is_read_with_relative_links_and_without_self_links() -> None:
    assert read(ATOM, "application/atom+xml") == [Entry("First", LINK, NINE)]


def test_json_feed_is_read_whatever_type_the_host_calls_it() -> None:
    body = json_feed(
        {"url": "../a", "title": "First", "date_published": "2026-11-24T10:00:00+01:00"},
        {"url": LINK, "title": "No zone", "date_published": "2026-11-24T09:00:00"},
    )
    for content_type in ("application/feed+json", "text/html", ""):
        assert read(body, content_type) == [
            Entry("First", LINK, NINE),
            Entry("No zone", LINK, NINE),
        ]
    assert len(read(codecs.BOM_UTF8 + b"\n" + body)) == 2


def test_a_broken_item_costs_only_itself() -> None:
    good = {"url": LINK, "title": "Good"}
    broken: list[object] = [
        None,
        7,
        [],
        {},
        {"url": 3, "title": "x"},
        {"url": "http://[", "title": "x"},
    ]
    times = [{**good, "date_published": time} for time in ("soon", 12, None, "9999-99-99")]
    assert read(json_feed(*broken, good, *times)) == [Entry("Good", LINK, None)] * 5


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"<html><body>Maintenance</body></html>", "not RSS, Atom or JSON Feed"),
        (b"Internal Server Error", "not well-formed XML"),
        (b"<rss version='2.0'><channel><item><title>Mayor opens", "not well-formed XML"),
        (b"\x00\x01\x02\xff\xfe", "not well-formed XML"),
        (b"{", "not well-formed JSON"),
        (b'{"items": ' + b"[" * 100_000, "not well-formed JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not well-formed JSON"),
        (b'{"error": "not found"}', "not a JSON Feed"),
        (json_feed(version="https://evil.example/version/1"), "not a JSON Feed"),
    ],
)
def test_what_is_no_feed_is_told_in_plain_words(body: bytes, reason: str) -> None:
    with pytest.raises(NotAFeed, match=reason):
        read(body)


def test_a_feed_that_breaks_off_gives_what_came_before() -> None:
    assert read(RSS[: RSS.index(b"<item><title>Second")] + b"<item><title>Sec") == [
        Entry("A <b>first</b>", LINK, NINE)
    ]


def test_a_feed_without_entries_is_an_empty_feed() -> None:
    assert read(b"<rss version='2.0'><channel><title>Outlet</title></channel></rss>") == []


def test_an_entity_bomb_does_not_go_off() -> None:
    entities = b"".join(
        b'<!ENTITY e%d "%s">' % (level, b"&e%d;" % (level - 1) * 10) for level in range(1, 12)
    )
    bomb = b'<!DOCTYPE r [<!ENTITY e0 "x">' + entities + b"]>" + RSS.partition(b"?>")[2]
    (first, *_) = read(bomb.replace(b"A &lt;b&gt;first&lt;/b&gt;", b"&e11;"))
    assert len(first.title) < 100


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    body = f'<!DOCTYPE r [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()
    body += RSS.partition(b"?>")[2].replace(b"Second", b"Second &e;")
    assert "hunter2" not in str(read(body))


def test_a_document_that_names_a_file_is_not_opened(tmp_path: Path) -> None:
    feed = tmp_path / "feed.xml"
    feed.write_bytes(RSS)
    with pytest.raises(NotAFeed):
        read(str(feed).encode())


def test_only_the_first_entries_of_an_endless_feed_are_read() -> None:
    item = b"<item><title>t</title><link>https://outlet.example/x</link></item>"
    body = b"<rss version='2.0'><channel>" + item * 500 + b"</channel></rss>"
    assert len(read(body)) == MAX_ENTRIES
    assert len(read(json_feed(*[{"url": LINK, "title": "t"}] * 500))) == MAX_ENTRIES


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"{", RSS[:200], ATOM[:150]]))
def test_any_bytes_are_a_feed_or_no_feed(noise: bytes, start: bytes) -> None:
    try:
        entries = read(start + noise)
    except NotAFeed:
        return
    assert all(entry.title and entry.link for entry in entries)
