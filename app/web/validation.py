"""Says what is wrong with a field, without repeating what was sent.

A name is repeated in one case: it is nearly a known one, and the answer says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from app.web.errors import FieldError


def body_errors(
    error: ValidationError, model: type[BaseModel], *, root: str = ""
) -> list[FieldError]:
    """Return one FieldError for each thing pydantic found, with pointers below `root`."""
    return [
        FieldError(code, detail, pointer=root + pointer)
        for pointer, code, detail in _findings(error, model)
    ]


def query_errors(error: ValidationError, model: type[BaseModel]) -> list[FieldError]:
    """Return one FieldError for each wrong query parameter."""
    return [
        FieldError(code, detail, parameter=pointer.lstrip("/") or None)
        for pointer, code, detail in _findings(error, model)
    ]


def _findings(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    known = set(_property_names(model.model_json_schema()))
    for found in error.errors(include_url=False, include_input=False):
        location = list(found["loc"])
        if found["type"] == "extra_forbidden":
            unknown = str(location.pop())
            near = get_close_matches(unknown, known, n=1)
            pointer = _pointer(location, known)
            if near:
                pointer = f"{pointer}/{unknown}"
            yield pointer, "unknown_field", _unknown(near, sorted(known))
        else:
            yield _pointer(location, known), *_explain(found)


def _explain(found: Mapping[str, Any]) -> tuple[str, str]:
    kind, message = str(found["type"]), str(found["msg"])
    if kind == "missing":
        return "required", "This field is required."
    if kind == "value_error":
        return "invalid", _sentence(message.removeprefix("Value error, "))
    if kind == "union_tag_invalid":  # pydantic's own message repeats the tag that was sent
        return kind, f"Must be one of {found['ctx']['expected_tags']}."
    return kind, _sentence(message)


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].rstrip(".") + "."


def _unknown(near: list[str], known: list[str]) -> str:
    if near:
        return f"Unknown; did you mean {near[0]}?"
    return f"Unknown. Known here: {', '.join(known)}." if known else "Unknown; none is known here."


def _pointer(location: list[int | str], known: set[str]) -> str:
    """Return the JSON pointer of a location, cut where it stops being made of known names.

    Keys of free-form objects come from the caller, and names of union branches from pydantic.
    """
    pointer = ""
    for part in location:
        if not isinstance(part, int) and part not in known:
            break
        pointer += f"/{str(part).replace('~', '~0').replace('/', '~1')}"
    return pointer


def _property_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for value in schema.values():
            yield from _property_names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _property_names(value)
