"""Reads a JSON object from bytes, refusing what two parsers could understand differently.

Nothing here recurses over the input, and no message repeats it.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_INTEGER_DIGITS = 20
WHITE_SPACE = " \t\r\n"

# Possessive quantifiers and the optional closing quote keep this linear on any input: without
# them a body of escaped quotes would be scanned again from each quote.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_NONZERO_DIGIT = re.compile(r"[1-9]")


class InvalidJSON(ValueError):
    """The bytes are not one acceptable JSON object; the message says why and is safe to show."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`. Raises InvalidJSON."""
    return parse_text(decode(body, MAX_BYTES))


def parse_text(text: str) -> dict[str, Any]:
    """Return the JSON object in a text whose length was judged. Raises InvalidJSON."""
    _check_depth(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJSON(
            f"Not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    if not isinstance(value, dict):
        raise InvalidJSON("Expected a JSON object.")
    if "\\u" in text:
        _check_escaped_text(value)
    return value


def decode(body: bytes, max_bytes: int) -> str:
    """Return the text of a body in UTF-8 that is not blank. Raises InvalidJSON."""
    if len(body) > max_bytes:
        raise InvalidJSON(f"Longer than {max_bytes} bytes.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJSON(f"Not valid UTF-8 at byte {error.start}.") from None
    if text.startswith("\ufeff"):
        raise InvalidJSON("Starts with a byte order mark.")
    if not text.strip(WHITE_SPACE):
        raise InvalidJSON("Empty: expected JSON.")
    return text


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return  # most texts have not even that many brackets, and this is a tenth of the scan
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        token = match.group()
        if token in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidJSON(f"Nested deeper than {MAX_DEPTH} levels.")
        elif token in ("]", "}"):
            depth -= 1


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidJSON("An object has the same key twice.")
    return value


def _refuse_constant(name: str) -> None:
    raise InvalidJSON("NaN and Infinity are not JSON.")


def _finite_float(text: str) -> float:
    """Refuse what a double turns into infinity or into zero; both would be stored as a lie."""
    value = float(text)
    mantissa = text.lower().partition("e")[0]
    if math.isinf(value) or (value == 0 and _NONZERO_DIGIT.search(mantissa)):
        raise InvalidJSON("A number is out of range.")
    return value


def _bounded_integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise InvalidJSON(f"An integer has more than {MAX_INTEGER_DIGITS} digits.")
    return int(text)


def _check_escaped_text(value: dict[str, Any]) -> None:
    """Refuse NUL and lone surrogates; in valid UTF-8 they can only come from a \\u escape."""
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, str):
            if "\x00" in item:
                raise InvalidJSON("A string holds the character NUL, which cannot be stored.")
            if any("\ud800" <= character <= "\udfff" for character in item):
                raise InvalidJSON("A string holds half of a surrogate pair.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_constant=_refuse_constant,
    parse_float=_finite_float,
    parse_int=_bounded_integer,
)
