"""The OpenAPI 3.1 document, made from the declarations of the views and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.version import VERSION
from app.web.answers import ProblemAnswer
from app.web.auth import Credential
from app.web.errors import KINDS
from app.web.inputs import Query
from app.web.operation import Operation, Reply, operation_of
from app.web.reader import JSON
from app.web.routes import Route, documented_routes

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]
_TEMPLATE = "#/components/schemas/{model}"
_WITH_BODY = (
    "invalid_json", "invalid_body", "request_too_slow", "body_too_large", "unsupported_media_type",
)  # fmt: skip
_SECURITY: dict[Credential | None, list[Schema]] = {
    "ops_key": [{"OpsKey": []}],
    "cron_secret": [{"CronSecret": []}],
    None: [],
}
_REFUSALS: dict[Credential | None, str] = {
    "ops_key": "invalid_key",
    "cron_secret": "invalid_cron_secret",
}
# Of a header that is not here any value is taken: what it does not understand is ignored.
_HEADERS: dict[str, Schema] = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 255},
    "Last-Event-ID": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}
_PATH_PARAMETERS: dict[str, Schema] = {
    "job_id": {"type": "string", "format": "uuid"},
    "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,99}$"},
}
_REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_ETAG = {"description": "Of the very bytes of the answer.", "schema": {"type": "string"}}
_DESCRIPTION = """A job system on Postgres. 2xx means committed: every accepted job reaches exactly
one recorded outcome. Handlers run at least once, and are told which run they are. A wake-up is a
hint: it may be lost, doubled or late, and nothing breaks. Everything under /api/v1/ops/ is answered
under /api/ops/ as well. Errors are problem documents with a code, a hint and a request id."""


def build_document(app: Flask) -> Schema:
    """Return the document of every route of `app`."""
    routes = list(documented_routes(app))
    references, schemas = _schemas([operation_of(route.view) for route in routes])
    paths: dict[str, Schema] = {}
    for route in routes:
        described = _operation(route, operation_of(route.view), references)
        paths.setdefault(route.path, {})[route.method.lower()] = described
    tags = dict.fromkeys(operation_of(route.view).tag for route in routes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Domain Expansion",
            "version": VERSION,
            "description": " ".join(_DESCRIPTION.split()),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {
                "RequestId": {
                    "description": "The id of the request: yours where it was well formed.",
                    "schema": {"type": "string"},
                }
            },
            "securitySchemes": {
                "OpsKey": {"type": "apiKey", "in": "header", "name": "X-Ops-Key"},
                "CronSecret": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def problem_codes(operation: Operation, credential: Credential | None) -> list[str]:
    """Return every error code that the operation can answer with."""
    codes = ["invalid_query", *operation.problems, "internal_error"]
    if operation.body is not None:
        codes[1:1] = _WITH_BODY
    if credential is not None:
        codes.insert(0, _REFUSALS[credential])
    if operation.flag:
        codes.append("feature_disabled")
    return codes


def query_fields(query: type[Query]) -> Iterator[tuple[str, Schema, bool]]:
    """Yield name, schema and whether it is required of each query parameter."""
    schema = query.model_json_schema(ref_template=_TEMPLATE)
    required = schema.get("required", ())
    # The parameters of the base class come first; those of the route itself matter more.
    for name, field in sorted(
        schema["properties"].items(), key=lambda item: item[0] in Query.model_fields
    ):
        yield name, _without_null(field, schema.get("$defs", {})), name in required


def _operation(
    route: Route, operation: Operation, references: Mapping[type[BaseModel], Schema]
) -> Schema:
    described: Schema = {
        "operationId": route.view.__name__ + "_" + operation.tag.lower().replace(" ", "_"),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "security": _SECURITY[route.credential],
        "parameters": list(_parameters(route, operation)),
        "responses": _responses(route, operation, references),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.is_body_required,
            "content": dict(_request_contents(operation, references[operation.body])),
        }
    return described


def _request_contents(operation: Operation, reference: Schema) -> Iterator[tuple[str, Schema]]:
    for media_type in operation.body_media_types:
        content: Schema = {"schema": reference if media_type == JSON else {"type": "string"}}
        if operation.example is not None and media_type == JSON:
            content["example"] = operation.example
        yield media_type, content


def _parameters(route: Route, operation: Operation) -> Iterator[Schema]:
    for name in route.parameters:
        yield {"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]}
    for name, schema, is_required in query_fields(operation.query):
        parameter = {"name": name, "in": "query", "required": is_required, "schema": schema}
        if "description" in schema:
            parameter["description"] = schema.pop("description")
        yield parameter
    for name, meaning in _request_headers(operation):
        schema = _HEADERS.get(name, {"type": "string"})
        yield {"name": name, "in": "header", "description": meaning, "schema": schema}


def _request_headers(operation: Operation) -> Iterator[tuple[str, str]]:
    yield from operation.headers.items()
    if operation.is_conditional:
        yield "If-None-Match", "The ETag of the answer that you have: 304 where it is still that."


def _responses(
    route: Route, operation: Operation, references: Mapping[type[BaseModel], Schema]
) -> Schema:
    responses = {
        str(status): _reply(reply, references) for status, reply in operation.replies.items()
    }
    if operation.is_conditional:
        responses["200"]["headers"]["ETag"] = _ETAG
        responses["304"] = {
            "description": "You have this answer.",
            "headers": {**_REQUEST_ID, "ETag": _ETAG},
        }
    by_status: dict[int, list[str]] = {}
    for code in problem_codes(operation, route.credential):
        by_status.setdefault(KINDS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = {
            "description": " ".join(f"`{code}`: {KINDS[code].detail}" for code in codes),
            "headers": _REQUEST_ID,
            "content": {"application/problem+json": {"schema": references[ProblemAnswer]}},
        }
    return responses


def _reply(reply: Reply, references: Mapping[type[BaseModel], Schema]) -> Schema:
    headers: Schema = dict(_REQUEST_ID)
    for name, meaning in reply.headers.items():
        headers[name] = {"description": meaning, "schema": {"type": "string"}}
    content: Schema = {}
    if reply.model is not None:
        content[JSON] = {"schema": references[reply.model]}
    for text in (reply.media_type, reply.stream):
        if text:
            content[text] = {"schema": {"type": "string"}}
    described: Schema = {"description": reply.description, "headers": headers}
    return {**described, "content": content} if content else described


def _schemas(
    operations: list[Operation],
) -> tuple[Mapping[type[BaseModel], Schema], Schema]:
    """Return a reference for each model, and the schemas that they refer to."""
    models: dict[tuple[type[BaseModel], Mode], None] = {(ProblemAnswer, "serialization"): None}
    for operation in operations:
        if operation.body is not None:
            models[operation.body, "validation"] = None
        for reply in operation.replies.values():
            if reply.model is not None:
                models[reply.model, "serialization"] = None
    found, definitions = models_json_schema(list(models), ref_template=_TEMPLATE)
    return {model: found[model, mode] for model, mode in models}, definitions["$defs"]


def _without_null(schema: Schema, definitions: Schema) -> Schema:
    """Return the schema of a parameter, which is either absent or not null, without references."""
    branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "title")}
    if len(branches) == 1:
        rest = {**branches[0], **rest}
        if rest.get("default", ...) is None:
            del rest["default"]
    reference = rest.pop("$ref", None)
    if reference is not None:
        rest = {**definitions[reference.rsplit("/", 1)[-1]], **rest}
        rest.pop("title", None)
    return rest
