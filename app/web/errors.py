"""Every error answer: one problem+json shape (RFC 9457), made from a code and never from input.

`KINDS` is the list of all of them; the docs page and the OpenAPI document are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """A cause of failure: its status, its one sentence, and what to do about it."""

    status: int
    title: str
    detail: str
    hint: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_RETRY = {"Retry-After": "2"}

KINDS: dict[str, Kind] = {
    "bad_request": Kind(400, "Bad request", "The request could not be understood."),
    "invalid_json": Kind(
        400,
        "Not acceptable JSON",
        "The body is not one JSON object.",
        "Send one JSON object in UTF-8, at most 32 levels deep, without duplicate keys.",
    ),
    "invalid_body": Kind(400, "Wrong fields", "The body does not have the documented fields."),
    "invalid_query": Kind(400, "Wrong query", "The query parameters are not the documented ones."),
    "invalid_header": Kind(400, "Wrong header", "A request header has a value that is refused."),
    "invalid_key": Kind(
        401,
        "Unauthorized",
        "Invalid or missing X-Ops-Key",
        "Send the value of OPS_API_KEY in the header X-Ops-Key.",
        {"WWW-Authenticate": 'ApiKey realm="ops", header="X-Ops-Key"'},
    ),
    "invalid_cron_secret": Kind(
        401,
        "Unauthorized",
        "Invalid or missing cron secret",
        "Send the header Authorization with Bearer and the value of CRON_SECRET.",
        {"WWW-Authenticate": 'Bearer realm="cron"'},
    ),
    "job_type_not_allowed": Kind(
        403,
        "Job type not allowed",
        "The runner does not allow this job type; the job is recorded as failed.",
        "Add the job type to RUNNER_ALLOWLIST on the runner.",
    ),
    "not_found": Kind(404, "Not found", "There is nothing at this address.", "See /docs."),
    "job_not_found": Kind(404, "Job not found", "No job has this id."),
    "schedule_not_found": Kind(404, "Schedule not found", "No schedule has this name."),
    "feature_disabled": Kind(
        404, "Feature disabled", "This feature is switched off.", "Set its flag to true."
    ),
    "method_not_allowed": Kind(
        405,
        "Method not allowed",
        "This address does not take this method.",
        "The header Allow of this answer lists those it takes.",
    ),
    "request_too_slow": Kind(
        408, "Request too slow", "The request took too long to arrive; nothing was changed."
    ),
    "schedule_exists": Kind(409, "Schedule exists", "A schedule has this name already."),
    "schedule_broken": Kind(
        409,
        "Schedule broken",
        "Its cron expression or time zone cannot be used.",
        "Change the expression and the time zone.",
    ),
    "wrong_state": Kind(409, "Wrong state", "The job's state does not allow this."),
    "dedupe_key_held": Kind(
        409,
        "Dedupe key held",
        "Another job of this type is active under the job's dedupe key.",
        "Wait for the one in holder_id, or cancel it.",
    ),
    "body_too_large": Kind(413, "Body too large", "The body is longer than 262144 bytes."),
    "unsupported_media_type": Kind(
        415,
        "Unsupported media type",
        "The body must be uncompressed application/json in UTF-8.",
        'Send the header "Content-Type: application/json".',
    ),
    "invalid_payload": Kind(422, "Payload does not fit", "The payload does not fit the job type."),
    "idempotency_key_reused": Kind(
        422,
        "Idempotency-Key reused",
        "This Idempotency-Key was used before, with another body.",
        "Send a new key for a new request.",
    ),
    "internal_error": Kind(
        500,
        "Internal error",
        "The control plane failed; nothing was changed unless a job shows it.",
        "Look for this request_id in the control plane's log.",
    ),
    "database_unavailable": Kind(
        503,
        "Database unavailable",
        "The database did not answer.",
        "Send it again; with the same Idempotency-Key no second job is made.",
        _RETRY,
    ),
    "schema_not_current": Kind(
        503,
        "Schema not current",
        "The database's schema is not the one that this version needs.",
        "Run: ops db upgrade",
    ),
    "runner_disabled": Kind(
        503, "Runner disabled", "RUNNER_ENABLED is off: nothing was created or woken."
    ),
    "runner_not_configured": Kind(
        503,
        "Runner not configured",
        "RUNNER_URL or RUNNER_TOKEN_OUTBOUND is not set: nothing was created or woken.",
        "Set both on the control plane.",
    ),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong place: a JSON pointer into the body, or the name of a query parameter or header."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Problem(Exception):
    """An error answer. `members` are further fields of it, such as the job it is about."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        hint: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.kind = KINDS[code]
        self.detail = detail or self.kind.detail
        self.hint = hint or self.kind.hint
        self.errors = tuple(errors)
        self.headers = {**self.kind.headers, **(headers or {})}
        self.members = members
