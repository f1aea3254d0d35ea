"""Titles made readable and comparable: markup out, and one key for titles that say the same."""

from __future__ import annotations

from html.parser import HTMLParser

from app.nearsight.policy import Titles
from app.plain_text import plain_text, words_of

MAX_TITLE_LENGTH = 300

_SILENT = frozenset({"script", "style", "template", "noscript", "iframe", "object", "svg"})
_BREAKS = frozenset({"br", "p", "div", "li", "td"})
_MAX_MARKUP_LENGTH = 20 * MAX_TITLE_LENGTH


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent_depth += tag in _SILENT
        if tag in _BREAKS:
            self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._silent_depth -= tag in _SILENT and self._silent_depth > 0

    def handle_data(self, data: str) -> None:
        if not self._silent_depth:
            self.pieces.append(data)


def clean_title(markup: str) -> str:
    """Return the text of a title; empty when nothing readable is left."""
    parser = _Text()
    parser.feed(markup[:_MAX_MARKUP_LENGTH])
    parser.close()
    return plain_text("".join(parser.pieces), max_length=MAX_TITLE_LENGTH)


def title_key(title: str, source_name: str, titles: Titles) -> str | None:
    """Return the folded words that two titles of the same story share, or None if too few.

    An opener ("Breaking:") and the outlet's own name at the end say nothing about the story.
    """
    words = words_of(title)
    outlet = words_of(source_name)
    if outlet and words[-len(outlet) :] == outlet:
        words = words[: -len(outlet)]
    for opener in sorted((words_of(text) for text in titles.openers), key=len, reverse=True):
        if opener and words[: len(opener)] == opener:
            words = words[len(opener) :]
            break
    return " ".join(words) if len(words) >= titles.minimum_words else None
