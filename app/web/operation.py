"""Declares what a view takes and answers; the same declaration reads the request and documents it.

A view decorated with `operation` gets its query as a model, and its body where it declares one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from flask import Response
from pydantic import BaseModel

from app.web.conditional import conditional
from app.web.errors import Problem
from app.web.inputs import Query
from app.web.plane import current_plane
from app.web.reader import JSON, read_body, read_query

View = Callable[..., Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One successful answer; `headers` are name -> meaning.

    Without a model and a media type it has no body; `stream` is another media type to ask for.
    """

    description: str
    model: type[BaseModel] | None = None
    media_type: str = ""
    stream: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one route does, for the reader of the docs. `headers` are those a caller may send.

    `body_reader` reads a body that is not a single JSON object; a conditional answer has an ETag.
    """

    tag: str
    summary: str
    description: str
    replies: Mapping[int, Reply]
    problems: tuple[str, ...] = ()
    query: type[Query] = Query
    body: type[BaseModel] | None = None
    body_reader: Callable[[], BaseModel] | None = None
    body_media_types: tuple[str, ...] = (JSON,)
    is_body_required: bool = True
    example: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    flag: str | None = None
    is_conditional: bool = False


def operation(**declared: Any) -> Callable[[View], View]:
    """Declare a view; `declared` are the fields of Operation. Its docstring is the description."""

    def decorate(view: View) -> View:
        described = Operation(description=_paragraphs(view), **declared)

        @wraps(view)
        def read_and_call(**path: Any) -> Response:
            if described.flag and not getattr(current_plane().settings, described.flag):
                raise Problem("feature_disabled", hint=f"Set {described.flag.upper()} to true.")
            inputs: dict[str, Any] = {"query": read_query(described.query)}
            if described.body_reader is not None:
                inputs["body"] = described.body_reader()
            elif described.body is not None:
                inputs["body"] = read_body(described.body, is_required=described.is_body_required)
            response = view(**path, **inputs)
            if described.is_conditional and not response.is_streamed:
                return conditional(response)
            return response

        read_and_call.operation = described  # type: ignore[attr-defined]
        return read_and_call

    return decorate


def operation_of(view: Callable[..., Any]) -> Operation:
    """Return the declaration of a view; every view has one."""
    described: Operation = view.operation  # type: ignore[attr-defined]
    return described


def _paragraphs(view: View) -> str:
    """Return the docstring without the indentation and line breaks of the source."""
    text = (view.__doc__ or "").strip()
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
