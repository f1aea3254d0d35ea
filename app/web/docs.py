"""The API described: the OpenAPI document, and the page made from it."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, current_app
from pydantic import RootModel

from app.web.docs_page import render_page
from app.web.inputs import Query
from app.web.openapi import build_document
from app.web.operation import Reply, operation
from app.web.respond import json_response

blueprint = Blueprint("docs", __name__)
_DOCUMENT = "ops_openapi"
_PAGE = "ops_docs_page"


class DocumentAnswer(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""


@blueprint.get("/openapi.json")
@operation(
    tag="Docs",
    summary="The OpenAPI document",
    replies={200: Reply(description="OpenAPI 3.1.", model=DocumentAnswer)},
)
def openapi(query: Query) -> Response:
    """Made from the code that reads the requests."""
    return json_response(_document())


@blueprint.get("/docs")
@operation(
    tag="Docs",
    summary="The page for people",
    replies={200: Reply(description="HTML without scripts.", media_type="text/html")},
)
def page(query: Query) -> Response:
    """Made from the OpenAPI document; loads nothing from anywhere."""
    if _PAGE not in current_app.extensions:
        current_app.extensions[_PAGE] = render_page(_document())
    html, policy = current_app.extensions[_PAGE]
    return Response(
        html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy}
    )


def _document() -> dict[str, Any]:
    """Build the document on first use: a cold start does not pay for it."""
    if _DOCUMENT not in current_app.extensions:
        current_app.extensions[_DOCUMENT] = build_document(current_app)
    return cast("dict[str, Any]", current_app.extensions[_DOCUMENT])
