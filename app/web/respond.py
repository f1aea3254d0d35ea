"""Turns answers into HTTP responses: JSON that ends with a newline, indented for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from pydantic import BaseModel


def json_response(
    content: BaseModel | Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Render `content`; indented where curl asks, or the query says `pretty=1`."""
    value = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    indent = 2 if _is_for_a_person() else None
    separators = None if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators) + "\n"
    response = Response(text.encode("utf-8"), status, content_type=media_type)
    response.headers.update(headers or {})
    return response


def _is_for_a_person() -> bool:
    asked = request.args.get("pretty")
    if asked is not None:
        return asked == "1"
    return request.headers.get("User-Agent", "").startswith("curl/")
