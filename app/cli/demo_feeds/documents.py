"""What the demo's outlets publish: RSS 2.0, Atom, JSON Feed, a broken feed, a CSV of metrics."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from email.utils import format_datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from app.cli.demo_feeds.tellings import Outlet

ATOM = "http://www.w3.org/2005/Atom"

BROKEN_FEED = b"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0">
  <channel>
    <title>Teatime Gazette</title>
    <description>Our web site is being rebuilt & will be back soon</description>
    <item><title>Mayor opens
"""


def rss(outlet: Outlet) -> bytes:
    root = Element("rss", version="2.0")
    channel = SubElement(root, "channel")
    _texts(channel, title=outlet.name, link=outlet.site, description=outlet.tagline, language="en")
    for telling in outlet.tellings:
        item = SubElement(channel, "item")
        _texts(
            item,
            title=telling.title,
            link=telling.link,
            description=f"<p>{telling.summary}</p>",
            pubDate=format_datetime(telling.published_at),
        )
        SubElement(item, "guid", isPermaLink="false").text = telling.guid
    return _bytes(root)


def atom(outlet: Outlet) -> bytes:
    root = Element("feed", xmlns=ATOM)
    _texts(root, title=outlet.name, subtitle=outlet.tagline, id=f"{outlet.site}/")
    SubElement(root, "link", href=outlet.site)
    SubElement(root, "updated").text = outlet.tellings[0].published_at.isoformat()
    for telling in outlet.tellings:
        entry = SubElement(root, "entry")
        SubElement(entry, "title", type="html").text = telling.title
        SubElement(entry, "link", rel="alternate", href=telling.link)
        published_at = telling.published_at.isoformat()
        _texts(
            entry,
            id=f"tag:{telling.guid}",
            published=published_at,
            updated=published_at,
            summary=telling.summary,
        )
    return _bytes(root)


def json_feed(outlet: Outlet) -> bytes:
    items = [
        {
            "id": telling.guid,
            "url": telling.link,
            "title": telling.title,
            "summary": telling.summary,
            "date_published": telling.published_at.isoformat(),
        }
        for telling in outlet.tellings
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": outlet.site,
        "description": outlet.tagline,
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False, indent=2).encode()


def metrics_csv(today: date) -> bytes:
    """Eight days of three pages, growing at their own pace."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["page", "platform", "taken_on", "followers", "posts", "engagement"])
    pages = [
        ("@harbourpost", "instagram", 18_240, 37, 2_150, 410),
        ("Harbour Post", "facebook", 42_905, -12, 5_310, 385),
        ("@radiokestrel", "tiktok", 7_480, 152, 640, 1_920),
    ]
    for day in range(8):
        taken_on = today - timedelta(days=7 - day)
        for page, platform, followers, growth, posts, engagement in pages:
            # A fixed wobble in place of chance: the same day shows the same numbers.
            wobble = (day * 37 + len(page) * 11) % 60 - 20
            writer.writerow(
                [
                    page,
                    platform,
                    taken_on.isoformat(),
                    followers + growth * day,
                    posts + 3 * day,
                    engagement + wobble * 4,
                ]
            )
    return text.getvalue().encode()


def _texts(parent: Element, **texts: str) -> None:
    for tag, text in texts.items():
        SubElement(parent, tag).text = text


def _bytes(root: Element) -> bytes:
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
