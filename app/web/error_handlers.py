"""Turns every exception into a problem+json answer; nothing of its message gets out."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import psycopg
import sqlalchemy.exc
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from app.jobs import DedupeKeyHeld, IdempotencyKeyReused, JobNotFound, WrongState
from app.schedules import CronError, ScheduleExists, ScheduleNotFound
from app.web.errors import Problem
from app.web.request_ids import request_id
from app.web.request_log import log_failure
from app.web.respond import json_response

MEDIA_TYPE = "application/problem+json"
_BY_STATUS = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
_BY_CAUSE: dict[type[Exception], str] = {
    JobNotFound: "job_not_found",
    IdempotencyKeyReused: "idempotency_key_reused",
    ScheduleNotFound: "schedule_not_found",
    ScheduleExists: "schedule_exists",
    CronError: "schedule_broken",  # of a record; what callers send is judged by the reader
}


def register(app: Flask) -> None:
    """Install the handlers; the last one takes what no other does."""
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(HTTPException, _http)
    for cause, code in _BY_CAUSE.items():
        app.register_error_handler(cause, partial(_known, code))
    app.register_error_handler(WrongState, _wrong_state)
    app.register_error_handler(DedupeKeyHeld, _dedupe_key_held)
    for gone in (psycopg.OperationalError, psycopg.InterfaceError, sqlalchemy.exc.TimeoutError):
        app.register_error_handler(gone, _database)
    for stale in (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        app.register_error_handler(stale, _schema)
    app.register_error_handler(sqlalchemy.exc.DBAPIError, _wrapped)
    app.register_error_handler(Exception, _internal)


def problem_response(problem: Problem) -> Response:
    """Render a problem; its members come last, and what is empty is left out."""
    kind = problem.kind
    content = {
        "type": f"/docs#{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "code": problem.code,
        "detail": problem.detail,
        "hint": problem.hint,
        "request_id": request_id(),
        "errors": [
            {name: value for name, value in asdict(error).items() if value is not None}
            for error in problem.errors
        ],
        **problem.members,
    }
    shown = {name: value for name, value in content.items() if value not in (None, [])}
    return json_response(shown, kind.status, problem.headers, MEDIA_TYPE)


def _known(code: str, _error: Exception) -> Response:
    return problem_response(Problem(code))


def _http(error: HTTPException) -> Response:
    """Answer what Flask and werkzeug raise: routing, sizes, unreadable requests."""
    code = _BY_STATUS.get(error.code or 500, "bad_request")
    if (error.code or 500) >= 500:
        return _internal(error)
    if code == "body_too_large" and request.max_content_length:
        most = request.max_content_length - 1  # as the reader sets it
        return problem_response(Problem(code, f"The body is longer than {most} bytes."))
    allowed = getattr(error, "valid_methods", None)
    headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    return problem_response(Problem(code, headers=headers))


def _wrong_state(error: WrongState) -> Response:
    return problem_response(
        Problem(
            "wrong_state",
            f"The job is {error.status}: {error.verb} does not apply.",
            job_id=str(error.job_id),
            job_status=error.status,
        )
    )


def _dedupe_key_held(error: DedupeKeyHeld) -> Response:
    return problem_response(
        Problem("dedupe_key_held", job_id=str(error.job_id), holder_id=str(error.holder_id))
    )


def _database(error: Exception) -> Response:
    log_failure(error)
    return problem_response(Problem("database_unavailable"))


def _schema(error: Exception) -> Response:
    log_failure(error)
    return problem_response(Problem("schema_not_current"))


def _wrapped(error: sqlalchemy.exc.DBAPIError) -> Response:
    """Answer for the driver's exception inside SQLAlchemy's."""
    if isinstance(error.orig, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return _schema(error)
    if isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError):
        return _database(error)
    return _internal(error)


def _internal(error: Exception) -> Response:
    log_failure(error)
    return problem_response(Problem("internal_error"))
