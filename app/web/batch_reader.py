"""Reads the jobs of a batch, each by the rules of a single one; errors point at it by its place."""

from __future__ import annotations

from itertools import islice

from flask import request
from pydantic import ValidationError

from app.web.errors import FieldError, Problem
from app.web.inputs import BatchBody, NewJobBody
from app.web.reader import JSON, check_media_type, read_bytes
from app.web.strict_array import split_array, split_lines
from app.web.strict_json import MAX_BYTES, WHITE_SPACE, InvalidJSON, decode, parse_text
from app.web.validation import body_errors

BATCH_MAX_BYTES = 16 * 1024 * 1024
MOST_JOBS = 10_000
MOST_ERRORS = 20
NDJSON = "application/x-ndjson"


def read_batch() -> BatchBody:
    """Return the jobs in the body, an array or a line for each. Raises Problem."""
    check_media_type(JSON, NDJSON)
    body = read_bytes(BATCH_MAX_BYTES)
    try:
        text = decode(body, BATCH_MAX_BYTES)
        elements = split_lines(text) if request.mimetype == NDJSON else split_array(text)
        texts = list(islice(elements, MOST_JOBS + 1))
    except InvalidJSON as error:
        raise Problem("invalid_json", str(error)) from None
    if len(texts) > MOST_JOBS:
        raise _wrong_number()
    if len(texts) == 1 and not texts[0].strip(WHITE_SPACE):
        raise _wrong_number()
    # Each job is validated already; the list of ten thousand need not be once more.
    return BatchBody.model_construct(_validate(_parse(texts)))


def _parse(texts: list[str]) -> list[dict[str, object]]:
    found, errors = [], []
    for place, text in enumerate(texts):
        if len(text) * 4 > MAX_BYTES and len(text.encode()) > MAX_BYTES:
            detail = f"A job is longer than {MAX_BYTES} bytes."
            error = FieldError("too_large", detail, pointer=f"/{place}")
            raise Problem("body_too_large", detail, errors=[error])
        try:
            found.append(parse_text(text))
        except InvalidJSON as error:
            errors.append(FieldError("invalid_json", str(error), pointer=f"/{place}"))
            if len(errors) == MOST_ERRORS:
                break
    if errors:
        raise Problem("invalid_json", "A job is not one JSON object.", errors=errors)
    return found


def _validate(found: list[dict[str, object]]) -> list[NewJobBody]:
    jobs, errors = [], []
    for place, fields in enumerate(found):
        try:
            jobs.append(NewJobBody.model_validate(fields))
        except ValidationError as error:
            errors += body_errors(error, NewJobBody, root=f"/{place}")
            if len(errors) >= MOST_ERRORS:
                break
    if errors:
        raise Problem("invalid_body", errors=errors[:MOST_ERRORS])
    return jobs


def _wrong_number() -> Problem:
    error = FieldError("wrong_number", f"Expected 1 to {MOST_JOBS} jobs.", pointer="")
    return Problem("invalid_body", errors=[error])
