"""Splits a JSON array, or lines of JSON, into the texts of its elements: each is then read alone.

Nothing is parsed here but strings, brackets and commas, and nothing recurses over the input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.web.strict_json import WHITE_SPACE, InvalidJSON

# The next bracket or comma outside of strings, or the end. As in strict_json: possessive, with an
# optional closing quote; it matches from wherever it begins, so that it is linear on any input.
_MARK = re.compile(
    r"""(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+"?)*+(?P<mark>[\[\]{},]|\Z)""", re.DOTALL
)


def split_lines(text: str) -> Iterator[str]:
    """Yield the lines that are not blank."""
    for line in text.split("\n"):
        if line.strip(WHITE_SPACE):
            yield line


def split_array(text: str) -> Iterator[str]:
    """Yield what stands between the commas of the one array in `text`. Raises InvalidJSON.

    Whether an element is JSON is judged by who reads it; an empty one is none.
    """
    if not text.lstrip(WHITE_SPACE).startswith("["):
        raise InvalidJSON("Expected a JSON array.")
    depth = begin = 0
    for match in _MARK.finditer(text):
        mark = match["mark"]
        if mark == ",":
            if depth == 1:
                yield text[begin : match.end() - 1]
                begin = match.end()
        elif mark in ("[", "{"):
            depth += 1
            if depth == 1:
                begin = match.end()
        elif mark:
            depth -= 1
            if depth == 0:
                if text[match.end() :].strip(WHITE_SPACE):
                    raise InvalidJSON("Something follows the array.")
                yield text[begin : match.end() - 1]
                return
    raise InvalidJSON("The array does not end.")
