"""What the listener answers: bodies made from a code, with nothing of the request in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    body: bytes
    content_type: str = "application/json"
    allow: str | None = None

    @property
    def headers(self) -> list[tuple[str, str]]:
        found = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return found if self.allow is None else [*found, ("Allow", self.allow)]

    @property
    def status_line(self) -> str:
        return f"{self.status} {HTTPStatus(self.status).phrase}"


_DETAILS = {
    "bad_request": (400, "The request could not be understood."),
    "invalid_token": (401, "Invalid or missing X-Runner-Token"),
    "invalid_body": (400, "The body must be empty or a JSON object with job_id and job_type."),
    "request_too_slow": (408, "The request took too long to arrive."),
    "body_too_large": (413, "The body is longer than 4096 bytes."),
    "job_type_not_allowed": (403, "The job type is not on the allowlist of this runner."),
    "not_found": (404, "There is nothing at this address."),
    "method_not_allowed": (405, "This address does not take this method."),
    "internal_error": (500, "The listener failed."),
    "not_ready": (503, "The runner is not ready."),
}


def json_answer(status: int, content: dict[str, Any]) -> Answer:
    """Answer with JSON."""
    return Answer(status, json.dumps(content).encode())


def problem(code: str, *, allow: str | None = None, **members: Any) -> Answer:
    """Answer with problem+json (RFC 9457)."""
    status, detail = _DETAILS[code]
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **members,
    }
    return Answer(status, json.dumps(content).encode(), "application/problem+json", allow)
