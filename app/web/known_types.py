"""What this control plane knows of a job type, held against a job that somebody asks for."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from app.web.answers import WarningAnswer
from app.web.errors import FieldError, Problem
from app.web.plane import ControlPlane
from app.web.validation import body_errors


def check_payload(plane: ControlPlane, job_type: str, payload: dict[str, Any]) -> None:
    """Raise Problem `invalid_payload` where the job type is known and the payload does not fit."""
    errors = payload_errors(plane, job_type, payload)
    if errors:
        raise Problem("invalid_payload", hint=f"ops types {job_type}", errors=errors)


def payload_errors(
    plane: ControlPlane, job_type: str, payload: dict[str, Any], *, root: str = ""
) -> list[FieldError]:
    """Return what is wrong with a payload, with pointers below `root`/payload."""
    known = plane.job_types.get(job_type)
    if known is None:
        return []
    try:
        # As JSON, for that is how the runner reads it.
        known.payload.model_validate_json(to_json(payload))
    except ValidationError as error:
        return body_errors(error, known.payload, root=f"{root}/payload")
    return []


def type_warnings(plane: ControlPlane, job_type: str) -> list[WarningAnswer]:
    """Return what the caller should know of the job type."""
    known = plane.job_types.get(job_type)
    if known is None:
        return [
            WarningAnswer(
                code="unknown_job_type",
                detail="This control plane does not know the job type; "
                "the payload was not checked.",
                hint="ops types",
            )
        ]
    if known.flag and not getattr(plane.settings, known.flag):
        return [
            WarningAnswer(
                code="feature_off",
                detail="The feature of this job type is switched off here.",
                hint=f"Set {known.flag.upper()} to true.",
            )
        ]
    return []
