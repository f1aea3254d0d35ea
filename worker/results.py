"""A handler's result as strict JSON text: checked in the slot, and again in the runner."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from pydantic import BaseModel

from worker.texts import clean, describe

RESULT_MAX_BYTES = 1_000_000
RESULT_MAX_DEPTH = 64

_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_from_json = json.JSONDecoder(parse_constant=_refuse_constant).decode


class ResultInvalid(Exception):
    """The result cannot be stored as JSON; the job fails, for another run would not help."""


def encode_result(output: object) -> str:
    """Return an output (pydantic model, dict or None) as JSON text, or raise `ResultInvalid`."""
    if output is None:
        return "{}"
    try:
        return _encode(output)
    except (ResultInvalid, MemoryError):
        raise
    except Exception as error:
        # pydantic raises its own and the model's exceptions here: all mean the same to the job
        raise ResultInvalid(f"the result cannot be made JSON: {describe(error)}") from error


def check_result(text: object) -> str:
    """Return `text` if it is a storable JSON object, or raise `ResultInvalid`."""
    if text == "{}":
        return "{}"
    if not isinstance(text, str):
        raise ResultInvalid("the slot sent no text")
    _check_size(text)
    try:
        value = _from_json(text)
    except (ValueError, RecursionError) as error:
        raise ResultInvalid(f"not JSON: {error}") from None
    _check_object(value)
    return text


def _encode(output: object) -> str:
    if isinstance(output, BaseModel):
        output = output.model_dump(mode="json")
    _check_object(output)
    text = _to_json(output)
    _check_size(text)
    return text


def _check_size(text: str) -> None:
    if 4 * len(text) <= RESULT_MAX_BYTES:
        return
    # A lone surrogate cannot be encoded; _check_object has named it where there is an object.
    size = len(text.encode(errors="replace"))
    if size > RESULT_MAX_BYTES:
        raise ResultInvalid(f"{size} bytes, over the limit of {RESULT_MAX_BYTES}")


def _check_object(value: object) -> None:
    if not isinstance(value, dict):
        raise ResultInvalid(f"an object is expected, not {type(value).__name__}")
    _check(value, "", 1)


def _check(value: Any, path: str, depth: int) -> None:
    """Refuse what JSON or jsonb cannot hold; a cycle shows as depth."""
    if depth > RESULT_MAX_DEPTH:
        raise ResultInvalid(f"nested deeper than {RESULT_MAX_DEPTH} levels")
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise ResultInvalid(f"{_where(path)} has a NUL character or a lone surrogate")
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ResultInvalid(f"{_where(path)} is {value}, which is not JSON")
    elif isinstance(value, int):
        if value.bit_length() > 4_096:
            raise ResultInvalid(f"{_where(path)} is too large a number")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or _UNSTORABLE.search(key):
                raise ResultInvalid(f"a key of {_where(path)} is not plain text")
            _check(item, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]", depth + 1)
    else:
        raise ResultInvalid(f"{_where(path)} is a {type(value).__name__}, which is not JSON")


def _where(path: str) -> str:
    return clean(path, 200) or "the result"
