"""Reads what a request carries into declared models, or raises the Problem that says why not."""

from __future__ import annotations

import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from app.arrival import RequestTooSlow
from app.web.errors import FieldError, Problem
from app.web.strict_json import MAX_BYTES, InvalidJSON, parse_object
from app.web.validation import body_errors, query_errors

JSON = "application/json"
Model = TypeVar("Model", bound=BaseModel)
_MAX_PARAMETERS = 40


def read_query(model: type[Model]) -> Model:
    """Return the query parameters; unknown, repeated and malformed ones are refused."""
    values: dict[str, str] = {}
    for name, value in _query_pairs():
        if name in values:
            raise Problem("invalid_query", "A query parameter is given more than once.")
        values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Problem("invalid_query", errors=query_errors(error, model)) from None


def read_body(model: type[Model], *, is_required: bool = True) -> Model:
    """Return the body; an absent one is an empty object where it is not required."""
    try:
        return model.model_validate(_read_object(is_required))
    except ValidationError as error:
        raise Problem("invalid_body", errors=body_errors(error, model)) from None


def _query_pairs() -> list[tuple[str, str]]:
    """Decode strictly: werkzeug's own parser replaces bytes that are not UTF-8."""
    try:
        pairs = parse_qsl(
            request.query_string.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(request.query_string),
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError:
        raise Problem("invalid_query", "The query is not name=value pairs in UTF-8.") from None
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise Problem("invalid_query", "The query holds the character NUL.")
    return pairs


def _read_object(is_required: bool) -> dict[str, Any]:
    if not is_required and not request.content_length and not _is_chunked():
        return {}
    check_media_type(JSON)
    body = read_bytes(MAX_BYTES)
    try:
        return parse_object(body)
    except InvalidJSON as error:
        raise Problem("invalid_json", str(error)) from None


def read_bytes(max_bytes: int) -> bytes:
    """Return the body as it is; raises Problem where it is longer."""
    # Where no length is declared werkzeug cuts the body here without a word: so one byte above.
    request.max_content_length = max_bytes + 1
    try:
        body = request.get_data(cache=False)
    except HTTPException:
        raise
    except RequestTooSlow:
        raise Problem("request_too_slow") from None
    except Exception:  # noqa: BLE001
        # What is no chunk is told by a class of the server's own: gunicorn's ParseException, which
        # is not to be imported here, or another server's. werkzeug turns OSError into its own.
        raise Problem("bad_request") from None
    if len(body) > max_bytes:
        raise Problem("body_too_large", f"The body is longer than {max_bytes} bytes.")
    if len(body) < (request.content_length or 0):
        raise Problem("bad_request", "The body is shorter than its Content-Length.")
    return body


def check_media_type(*accepted: str) -> None:
    """Raise Problem unless the body is said to be one of these, in UTF-8 and not compressed."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    is_accepted = request.mimetype in accepted and charset in ("utf-8", "utf8")
    if not is_accepted or request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(
            "unsupported_media_type",
            f"The body must be uncompressed {' or '.join(accepted)} in UTF-8.",
        )


def _is_chunked() -> bool:
    return bool(request.headers.get("Transfer-Encoding"))


_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", re.ASCII)


def read_idempotency_key() -> str | None:
    """Return the Idempotency-Key, bare or in the quotes of a structured field."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        error = FieldError("invalid", "1 to 255 printable characters.", header="Idempotency-Key")
        raise Problem("invalid_header", errors=[error])
    return key
