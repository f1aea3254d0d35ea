"""The types of single fields that callers send: each is as narrow as the column it ends in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|z|[+-]\d{2}:\d{2})", re.ASCII
)
_HOUR_24 = re.compile(r".{11}24")
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)  # fits a bigint
_TEN_YEARS = timedelta(days=3653)


def _read_instant(value: object) -> datetime:
    """Read an RFC 3339 time; datetime's own parser takes weeks, bare dates and no zone as well."""
    if not isinstance(value, str):
        raise ValueError("expected a string with a time, such as 2026-01-31T09:30:00Z")
    if not _INSTANT.fullmatch(value) or _HOUR_24.match(value):
        raise ValueError("expected a time with its zone, such as 2026-01-31T09:30:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such time") from None


def _within_ten_years(value: datetime) -> datetime:
    if abs(value - datetime.now(UTC)) > _TEN_YEARS:
        raise ValueError("must lie within ten years of now")
    return value


def _ahead(value: datetime) -> datetime:
    if value <= datetime.now(UTC):
        raise ValueError("must lie ahead")
    return value


def _read_whole(value: object) -> int:
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise ValueError("expected a whole number")
    return int(value)


def _read_switch(value: object) -> bool:
    if value not in ("0", "1"):
        raise ValueError("expected 0 or 1")
    return value == "1"


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


Instant = Annotated[
    datetime, BeforeValidator(_read_instant), _schema(type="string", format="date-time")
]
NearInstant = Annotated[Instant, AfterValidator(_within_ten_years)]
AheadInstant = Annotated[NearInstant, AfterValidator(_ahead)]
Switch = Annotated[bool, BeforeValidator(_read_switch), _schema(type="string", enum=["0", "1"])]
Limit = Annotated[
    int,
    BeforeValidator(_read_whole),
    Field(ge=1, le=200),
    _schema(type="integer", minimum=1, maximum=200, default=50),
]
EventId = Annotated[int, BeforeValidator(_read_whole), _schema(type="integer", minimum=0)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64)]
