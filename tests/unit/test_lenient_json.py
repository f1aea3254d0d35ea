"""JSON read for people: everything a handler or a caller may store is kept, the rest is a note."""

from __future__ import annotations

import json

import pytest

from app.db.lenient_json import MAX_DEPTH, UNDECODABLE, lenient_json

KEPT = ["null", "1", '"x"', "[]", "{}", '{"a": [1, {"b": null}]}', "9007199254740993", "1e308"]


@pytest.mark.parametrize("text", KEPT)
def test_ordinary_json_is_kept(text: str) -> None:
    assert lenient_json(text) == lenient_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH])
def test_depth_is_kept_up_to_the_limit(depth: int) -> None:
    text = "[" * depth + "]" * depth
    assert lenient_json(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 129 + "]" * 129, "[" * 100_000 + "]" * 100_000, "1e5000", '{"x": -1e5000}', "9" * 5000],
    ids=["129 levels", "100000 levels", "beyond double", "beyond double, inside", "5000 digits"],
)
def test_what_cannot_be_read_becomes_a_note(text: str) -> None:
    assert lenient_json(text) == UNDECODABLE
