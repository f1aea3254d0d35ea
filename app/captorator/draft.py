"""A caption in parts: what stands in which line, and what goes first when there is no room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Draft:
    hook: str
    details: tuple[str, ...]
    place: str
    follow: str | None
    call_to_action: str
    credit: str | None
    hashtags: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the caption as it is posted."""
        details = "\n".join(_sentence(detail) for detail in self.details)
        ending = [self.place, self.follow, self.call_to_action, self.credit]
        lines = "\n".join(line for line in ending if line is not None)
        parts = [self.hook, details, lines, " ".join(self.hashtags)]
        return "\n\n".join(part for part in parts if part)

    def shortened(self) -> tuple[Draft, str] | None:
        """Return the draft without its least needed part and that part; None if all is needed.

        Hashtags go first, then the follow line, then details from the last on. One detail, the
        place, the call to action and the credit stay: without them it is another caption.
        """
        if self.hashtags:
            return replace(self, hashtags=self.hashtags[:-1]), self.hashtags[-1]
        if self.follow is not None:
            return replace(self, follow=None), self.follow
        if len(self.details) > 1:
            return replace(self, details=self.details[:-1]), self.details[-1]
        return None


def hashtags_of(words: Sequence[str], limit: int) -> tuple[str, ...]:
    """Return at most `limit` hashtags, none twice in whatever case."""
    tags: dict[str, str] = {}
    for word in words:
        letters = "".join(character for character in word if character.isalnum())
        # A tag of digits alone is no tag on any platform.
        if letters and not letters.isdecimal():
            tags.setdefault(letters.casefold(), f"#{letters}")
    return tuple(tags.values())[:limit]


def _sentence(detail: str) -> str:
    return f"{detail}." if detail[-1].isalnum() else detail
