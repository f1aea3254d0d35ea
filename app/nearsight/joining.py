"""Entries of many feeds joined into stories: the same link or the same title is the same story."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.nearsight.feeds.entry import Entry
from app.nearsight.link import canonical_link, link_hash
from app.nearsight.policy import Policy
from app.nearsight.story import Story
from app.nearsight.title import clean_title, title_key


@dataclass(frozen=True, slots=True)
class Item:
    """An entry made clean and comparable."""

    source: str
    title: str
    title_key: str | None
    url: str
    link_hash: str
    published_at: datetime | None


def read_items(
    entries: Iterable[Entry], source: str, policy: Policy, *, now: datetime
) -> list[Item]:
    """Clean the entries of one source; one without a readable title or a link to a page is left.

    A time in the future is taken for a mistake and counts as now: it must not lead for days.
    """
    items = []
    for entry in entries:
        title = clean_title(entry.title)
        url = canonical_link(entry.link, policy.links.tracking_parameters)
        if title and url:
            published_at = min(entry.published_at, now) if entry.published_at else None
            key = title_key(title, source, policy.titles)
            items.append(Item(source, title, key, url, link_hash(url), published_at))
    return items


def join_items(items: Sequence[Item], policy: Policy, *, now: datetime) -> list[Story]:
    """Return one story for each group of items that share a link, or a title within some days.

    The earliest item gives the story its title and link, so that the order in which sources
    happen to answer changes nothing.
    """
    ordered = sorted(items, key=lambda item: (item.published_at or now, item.link_hash))
    same_story = timedelta(days=policy.titles.same_story_days)
    groups = _Groups(len(ordered))
    by_link: dict[str, int] = {}
    by_title: dict[str, tuple[int, datetime]] = {}
    for position, item in enumerate(ordered):
        groups.join(position, by_link.setdefault(item.link_hash, position))
        if item.title_key is None:
            continue
        told_at = item.published_at or now
        first, first_told_at = by_title.setdefault(item.title_key, (position, told_at))
        if told_at - first_told_at <= same_story:
            groups.join(position, first)
        else:
            by_title[item.title_key] = (position, told_at)
    return [_story([ordered[position] for position in group]) for group in groups.all()]


def _story(items: Sequence[Item]) -> Story:
    first = items[0]
    return Story(
        title=first.title,
        title_key=first.title_key,
        url=first.url,
        link_hash=first.link_hash,
        published_at=min((i.published_at for i in items if i.published_at), default=None),
        sources=tuple(sorted({item.source for item in items})),
    )


class _Groups:
    """Positions joined into groups; each group keeps its positions in order."""

    def __init__(self, size: int) -> None:
        self._leader = list(range(size))

    def join(self, one: int, other: int) -> None:
        leaders = self._find(one), self._find(other)
        self._leader[max(leaders)] = min(leaders)

    def all(self) -> Iterable[list[int]]:
        groups: dict[int, list[int]] = defaultdict(list)
        for position in range(len(self._leader)):
            groups[self._find(position)].append(position)
        return groups.values()

    def _find(self, position: int) -> int:
        while self._leader[position] != position:
            self._leader[position] = self._leader[self._leader[position]]
            position = self._leader[position]
        return position
