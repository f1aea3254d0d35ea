"""The docs page: the OpenAPI document laid out for people, without scripts or foreign files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from flask import render_template
from markupsafe import Markup

from app.web.curl import curl_line
from app.web.errors import KINDS
from app.web.reader import JSON

_STYLE = Path(__file__).parent / "templates" / "docs.css"
_CRON_HEADER = ' \\\n  -H "Authorization: Bearer $CRON_SECRET"'
_SAMPLE_NAME = "metrics_daily"
_SAMPLE_ID = "019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a"
Schema = dict[str, Any]


def render_page(document: Schema) -> tuple[str, str]:
    """Return the HTML and the Content-Security-Policy that allows its one inline style."""
    style = _STYLE.read_text(encoding="utf-8")
    sections = [
        {"tag": tag["name"], "operations": list(_operations(document, tag["name"]))}
        for tag in document["tags"]
    ]
    html = render_template(
        "docs.html",
        inline_code=_inline_code,
        info=document["info"],
        style=style,
        sections=sections,
        shapes=[_shape(name, s) for name, s in sorted(document["components"]["schemas"].items())],
        kinds=sorted(KINDS.items(), key=lambda item: (item[1].status, item[0])),
        first=curl_line(
            "POST", "/api/v1/ops/jobs", {"job_type": "nearsight_collect_refresh", "payload": {}}
        ),
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return html, policy


def _inline_code(text: str) -> Markup:
    """Return text as HTML, with code where it stands between backticks."""
    parts = text.split("`")
    for position in range(1, len(parts), 2):
        parts[position] = Markup("<code>{}</code>").format(parts[position])
    return Markup().join(parts)


def _operations(document: Schema, tag: str) -> Iterator[Schema]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield _operation(document, path, method.upper(), operation)


def _operation(document: Schema, path: str, method: str, operation: Schema) -> Schema:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    fields: list[Schema] = []
    if content:
        schema = _resolve(document, content["schema"])
        if "items" in schema:  # a list: its fields are those of each element
            schema = _resolve(document, schema["items"])
        fields = list(_fields(schema))
    parameters = [
        {
            "name": parameter["name"],
            "in": parameter["in"],
            "type": _type(parameter["schema"]),
            "required": parameter.get("required", False),
            "text": parameter.get("description", ""),
            "default": _default(parameter["schema"]),
        }
        for parameter in operation["parameters"]
    ]
    replies = [
        {
            "status": status,
            "text": reply["description"],
            "shape": _reference(reply.get("content", {}).get(JSON, {}).get("schema", {})),
        }
        for status, reply in operation["responses"].items()
        if status < "400"
    ]
    codes = [
        {"status": status, "names": _codes(reply["description"])}
        for status, reply in operation["responses"].items()
        if status >= "400"
    ]
    needs_key = {"OpsKey": []} in operation["security"]
    example_path = path.replace("{job_id}", _SAMPLE_ID).replace("{name}", _SAMPLE_NAME)
    return {
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "summary": operation["summary"],
        "paragraphs": operation["description"].split("\n\n"),
        "parameters": parameters,
        "fields": fields,
        "replies": replies,
        "codes": codes,
        "curl": curl_line(method, example_path, content.get("example"), with_key=needs_key)
        + (_CRON_HEADER if {"CronSecret": []} in operation["security"] else ""),
    }


def _resolve(document: Schema, schema: Schema) -> Schema:
    name = schema["$ref"].rsplit("/", 1)[-1]
    return cast("Schema", document["components"]["schemas"][name])


def _codes(description: str) -> list[str]:
    """Return the codes that a description of errors lists; they stand between backticks."""
    return description.split("`")[1::2]


def _shape(name: str, schema: Schema) -> Schema:
    return {
        "name": name,
        "text": schema.get("description", ""),
        "fields": list(_fields(schema)),
        "values": schema.get("enum", []),
    }


def _fields(schema: Schema) -> Iterator[Schema]:
    """Yield the fields of an object, the required ones first."""
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    for name in sorted(properties, key=lambda name: name not in required):
        field = properties[name]
        kind = _type(field)
        yield {
            "name": name,
            # Where a field may be left out, null says the same.
            "type": kind if name in required else kind.removesuffix(" or null"),
            "shape": _reference(field),
            "required": name in required,
            "text": field.get("description", ""),
            "default": _default(field),
        }


def _default(schema: Schema) -> str | None:
    value = schema.get("default")
    return None if value is None or value in ([], {}) else str(value)


def _reference(schema: Schema) -> str | None:
    """Return the name of the shape that a schema refers to, directly or inside a list."""
    for candidate in (schema, schema.get("items", {}), *schema.get("anyOf", ())):
        if "$ref" in candidate:
            return str(candidate["$ref"]).rsplit("/", 1)[-1]
    return None


def _type(schema: Schema) -> str:
    """Return a type in words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_type(branch) for branch in schema["anyOf"])
    if "enum" in schema:
        return " · ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "any JSON")
