"""What every kind of feed is read into, and the one way in which reading fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MAX_ENTRIES = 100
"""The newest entries of one feed that are looked at; a feed lists them first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as its feed has it: nothing is cleaned yet. `published_at` is in UTC."""

    title: str
    link: str
    published_at: datetime | None


class NotAFeed(Exception):
    """The document holds no entry that could be read; the message says why, in plain words."""
