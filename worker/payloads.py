"""A claimed job's payload text made into the handler's model; a poison row fails alone."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from worker.texts import clean

PAYLOAD_MAX_BYTES = 2_000_000

Model = TypeVar("Model", bound=BaseModel)


class PayloadInvalid(Exception):
    """The payload does not fit the handler; the job fails, for running it again would not help."""


def decode_payload(model: type[Model], text: str) -> Model:
    """Return the payload as `model`, or raise `PayloadInvalid`; its reason repeats no value."""
    check_size(text)
    try:
        # jsonb holds what this refuses: 5,000 levels, numbers of 5,000 digits
        return model.model_validate_json(text)
    except ValidationError as error:
        raise PayloadInvalid(_summary(error)) from None
    except RecursionError:
        raise PayloadInvalid("nested too deep") from None


def check_size(text: str) -> None:
    """Raise `PayloadInvalid` for what is too long to travel to a slot."""
    if 4 * len(text) > PAYLOAD_MAX_BYTES and len(text.encode()) > PAYLOAD_MAX_BYTES:
        raise PayloadInvalid(f"longer than {PAYLOAD_MAX_BYTES} bytes")


def _summary(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, item['loc'])) or 'payload'}: {item['msg']}" for item in problems]
    return clean("; ".join(lines), 1_000)
