"""Strict JSON: what is refused, what is kept exactly, and that nothing sent is repeated."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.strict_json import MAX_BYTES, MAX_DEPTH, InvalidJSON, parse_object

REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \n\t ",
    "cut off": b'{"a": 1',
    "cut off in a string": b'{"a": "1',
    "cut off in an escape": b'{"a": "\\',
    "comma at the end": b'{"a": 1,}',
    "comment": b'{"a": 1 /* why */}',
    "single quotes": b"{'a': 1}",
    "unquoted key": b"{a: 1}",
    "two documents": b"{} {}",
    "text after": b"{}x",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "latin-1": b'{"a": "\xe9"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "control character": b'{"a": "\x01"}',
    "raw line break in a string": b'{"a": "\n"}',
    "raw NUL": b'{"a": "\x00"}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b'{"a": -Infinity}',
    "hexadecimal": b'{"a": 0x1}',
    "leading zero": b'{"a": 01}',
    "plus sign": b'{"a": +1}',
    "point without digits": b'{"a": 1.}',
    "too large a number": b'{"a": 1e400}',
    "too large a negative number": b'{"a": -1e400}',
    "too small a number": b'{"a": 1e-400}',
    "21 digits": b'{"a": ' + b"1" * 21 + b"}",
    "4301 digits": b'{"a": ' + b"1" * 4301 + b"}",
    "array": b"[]",
    "string": b'"a"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "same key twice": b'{"a": 1, "a": 2}',
    "same key twice, one escaped": b'{"a": 1, "\\u0061": 2}',
    "same key twice, inside": b'{"a": [{"b": 1, "b": 1}]}',
    "escaped NUL in a value": b'{"a": "\\u0000"}',
    "escaped NUL in a key": b'{"\\u0000": 1}',
    "escaped NUL in a list": b'{"a": ["x", ["\\u0000"]]}',
    "lone high surrogate": b'{"a": "\\ud800"}',
    "lone low surrogate": b'{"a": "\\udc00x"}',
    "lone surrogate in a key": b'{"\\udbff": 1}',
    "surrogates in the wrong order": b'{"a": "\\udc00\\ud800"}',
    "33 levels of objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "33 levels of lists": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    "a thousand levels": b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}",
    "a hundred thousand levels": b'{"a":' + b"[" * 100_000,
    "one byte too long": b'{"a":"' + b"x" * (MAX_BYTES - 7) + b'"}',
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_is_not_one_clean_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJSON):
        parse_object(body)


KEPT: dict[str, bytes] = {
    "nothing in it": b"{}",
    "white space around": b" \r\n{}\t",
    "32 levels": b'{"a":' + b"[" * 31 + b"]" * 31 + b"}",
    "brackets in a string": b'{"a": "' + b"[" * 100 + b'"}',
    "brackets after an escaped quote": b'{"a": "\\"' + b"[" * 100 + b'"}',
    "20 digits": b'{"a": 99999999999999999999}',
    "above 2 to the 53": b'{"a": 9007199254740993}',
    "largest double": b'{"a": 1.7976931348623157e308}',
    "zero with an exponent": b'{"a": 0e999, "b": 0.0E-999}',
    "surrogate pair": b'{"a": "\\ud83d\\ude00"}',
    "escaped backslash before u0000": b'{"a": "\\\\u0000"}',
    "noncharacter": b'{"a": "\\ufffe"}',
    "right-to-left mark": b'{"a": "\\u202e"}',
    "special names": b'{"__proto__": {"constructor": 1}, "": 2}',
    "300 characters of key": b'{"' + b"k" * 300 + b'": 1}',
    "at the limit": b'{"a":"' + b"x" * (MAX_BYTES - 8) + b'"}',
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_a_clean_object_is_kept_as_it_is(body: bytes) -> None:
    assert parse_object(body) == json.loads(body)


def test_the_reason_says_where_and_repeats_nothing() -> None:
    with pytest.raises(InvalidJSON) as refused:
        parse_object(b'{"a": "canary-in-the-mine" x}')
    assert "line 1, column 28" in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a": ' + b'\\"' * 100_000, id="escaped quotes outside a string"),
        pytest.param(b'{"a": "' + b'\\"' * 120_000, id="escaped quotes that never end"),
        pytest.param(b'"' * 250_000, id="quotes"),
        pytest.param(b'{"a": [' + b"{}," * 80_000, id="many small objects"),
        pytest.param(b'{"a": ' + b"9" * 200_000 + b"}", id="many digits"),
        pytest.param(b'{"a": 0.' + b"0" * 200_000 + b"1}", id="many zeros"),
    ],
)
def test_no_body_takes_long(body: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(InvalidJSON):
        parse_object(body)
    assert time.perf_counter() - started < 1


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**19), 10**19)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text("xyz"), JSON_VALUES))
def test_whatever_python_writes_is_read_back(value: dict[str, object]) -> None:
    for ensure_ascii in (True, False):
        text = json.dumps(value, ensure_ascii=ensure_ascii, allow_nan=False)
        assert parse_object(text.encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_a_reason(body: bytes) -> None:
    with contextlib.suppress(InvalidJSON):
        assert isinstance(parse_object(body), dict)


def test_the_limits_are_those_of_the_contract() -> None:
    assert (MAX_BYTES, MAX_DEPTH) == (262_144, 32)
