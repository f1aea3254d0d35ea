"""Results, payloads and foreign text: what gets through is storable as jsonb and text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from worker.payloads import PAYLOAD_MAX_BYTES, PayloadInvalid, decode_payload
from worker.results import RESULT_MAX_BYTES, ResultInvalid, check_result, encode_result
from worker.texts import clean, describe


class Result(BaseModel):
    at: datetime
    parts: tuple[int, ...]


class Payload(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    many: list[Any] = []


def test_a_model_becomes_json() -> None:
    result = Result(at=datetime(2026, 1, 2, tzinfo=UTC), parts=(1, 2))
    assert encode_result(result) == '{"at":"2026-01-02T00:00:00Z","parts":[1,2]}'


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abc"), json_values, max_size=4))
def test_what_the_slot_accepts_the_runner_accepts_unchanged(value: dict[str, Any]) -> None:
    text = encode_result(value)
    assert check_result(text) == text
    assert json.loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        None,
        1,
        "",
        "[]",
        "null",
        '"text"',
        "{",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e999}',
        '{"a": "\\u0000"}',
        '{"\\u0000": 1}',
        '{"a": "\\ud800"}',
        '{"a": ' + "[" * 100 + "]" * 100 + "}",
        '{"a": ' + "[" * 100_000,
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": "' + "x" * RESULT_MAX_BYTES + '"}',
    ],
)
def test_the_runner_refuses_what_a_slot_must_not_send(text: object) -> None:
    with pytest.raises(ResultInvalid):
        check_result(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "payload: Invalid JSON: recursion limit exceeded at line 1 column 202"),
        ("nonsense", "payload: Invalid JSON: expected ident at line 1 column 2"),
        (
            '{"name": "x", "many": [' + "9" * 5_000 + "]}",
            "payload: Invalid JSON: number out of range at line 1 column 4325",
        ),
        ('{"name": "x"' + " " * PAYLOAD_MAX_BYTES + "}", "longer than 2000000 bytes"),
        ('{"name": "x", "secret": "hunter2"}', "secret: Extra inputs are not permitted"),
        ('{"name": 5}', "name: Input should be a valid string"),
        ("[]", "payload: Input should be an object"),
    ],
)
def test_a_payload_that_does_not_fit_says_why_without_its_values(text: str, reason: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        decode_payload(Payload, text)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("a\x00b\x7fc\ud800d", "a\ufffdb\ufffdc\ufffdd"),
        ("10%\r20%\r\n", "10%\n20%\n"),
    ],
)
def test_text_is_cleaned(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(st.characters()), st.integers(10, 100))
def test_cleaned_text_is_always_storable_and_capped(text: str, max_bytes: int) -> None:
    cleaned = clean(text, max_bytes)
    assert len(cleaned.encode()) <= max_bytes
    assert "\x00" not in cleaned


def test_an_error_is_described_by_type_and_message() -> None:
    assert describe(ValueError("no")) == "ValueError: no"
    assert describe(ValueError()) == "ValueError"
