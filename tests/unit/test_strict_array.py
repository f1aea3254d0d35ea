"""A JSON array is split into its elements: none is lost, joined or invented."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.strict_array import split_array, split_lines
from app.web.strict_json import InvalidJSON, parse_text

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(ANY, min_size=1, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_an_array_is_split_into_what_it_was_made_of(
    values: list[Any], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    assert [json.loads(element) for element in split_array(text)] == values


@pytest.mark.parametrize("text", ["", " ", "{}", "1", "null", '"[]"', '{"a": []}', "x[1]"])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(InvalidJSON, match="Expected a JSON array"):
        list(split_array(text))


@pytest.mark.parametrize("text", ["[", "[1", '["]', "[[1]", "[{", "[1,", '[{"a": "]"', "[}"])
def test_an_array_without_an_end_is_refused(text: str) -> None:
    with pytest.raises(InvalidJSON):
        [parse_text(element) for element in split_array(text)]


@pytest.mark.parametrize("text", ["[1] x", "[1][2]", "[1]]", "[1],", "[] []"])
def test_what_follows_the_array_is_refused(text: str) -> None:
    with pytest.raises(InvalidJSON, match="follows"):
        list(split_array(text))


@pytest.mark.parametrize("text", ["[{},]", "[,{}]", "[{},,{}]", "[{} {}]", "[{]}]", "[{}}, {}]"])
def test_what_is_between_the_commas_is_read_strictly(text: str) -> None:
    with pytest.raises(InvalidJSON):
        [parse_text(element) for element in split_array(text)]


def test_brackets_deep_down_cost_no_stack() -> None:
    deep = "[" * 200_000 + "]" * 200_000
    (inner,) = split_array(deep)
    with pytest.raises(InvalidJSON):
        parse_text(inner)


def test_lines_are_split_at_line_feeds_alone() -> None:
    text = '{"a": "\u2028"}\r\n\n  \n{"a": "\x85"}'
    assert list(split_lines(text)) == ['{"a": "\u2028"}\r', '{"a": "\x85"}']
