"""The demo's stories as each outlet tells them, dated back from now."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

STORIES_FILE = Path(__file__).with_name("stories.toml")


@dataclass(frozen=True, slots=True)
class Telling:
    title: str
    link: str
    published_at: datetime
    summary: str
    guid: str


@dataclass(frozen=True, slots=True)
class Outlet:
    name: str
    site: str
    tagline: str
    tellings: list[Telling]
    """Newest first, as feeds have them."""


def read_outlets(now: datetime) -> dict[str, Outlet]:
    """Return every outlet with its tellings."""
    data = tomllib.loads(STORIES_FILE.read_text(encoding="utf-8"))
    outlets = {key: Outlet(**value, tellings=[]) for key, value in data["outlets"].items()}
    for story in data["stories"]:
        for key, telling in story["tellings"].items():
            outlets[key].tellings.append(_telling(key, telling, story, outlets, now))
    for outlet in outlets.values():
        outlet.tellings.sort(key=lambda telling: telling.published_at, reverse=True)
    return outlets


def _telling(
    key: str,
    telling: dict[str, Any],
    story: dict[str, Any],
    outlets: dict[str, Outlet],
    now: datetime,
) -> Telling:
    age = timedelta(minutes=story["minutes_ago"] - telling.get("minutes_later", 0))
    published_at = (now - age).replace(microsecond=0)
    # Who passes on another's story links to it with a mark of his own, as outlets do.
    site = outlets[telling.get("links_to", key)].site
    return Telling(
        title=telling["title"],
        link=f"{site}/news/{story['slug']}?utm_source={key}&utm_medium=feed",
        published_at=published_at,
        summary=story["summary"],
        guid=f"{key}:{story['slug']}",
    )
