"""How options become values: payloads, lengths of time, moments, ids."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from uuid import UUID

import click

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, None: 1}


def read_length(text: str) -> float | None:
    """Return the seconds of `90`, `90s`, `5m`, `2h` or `1d`; None for anything else."""
    match = _LENGTH.fullmatch(text.strip())
    return float(match[1]) * _UNIT_SECONDS[match[2]] if match else None


class Length(click.ParamType[Any]):
    """A length of time, in seconds."""

    name = "length"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        seconds = read_length(value)
        if seconds is None:
            self.fail(f"{value!r} is no length of time; write 90, 90s, 5m, 2h or 1d.", param, ctx)
        return seconds


class Moment(click.ParamType[Any]):
    """A moment as ISO 8601 text with a zone; a bare length is counted from now."""

    name = "moment"

    def __init__(self, *, ahead: bool) -> None:
        self.sign = 1 if ahead else -1

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        seconds = read_length(value)
        if seconds is not None:
            return (datetime.now(UTC) + self.sign * timedelta(seconds=seconds)).isoformat()
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no moment; write 2h, or 2026-12-24T08:00:00+01:00.", param, ctx
            )
        return moment.astimezone(UTC).isoformat()


class JobId(click.ParamType[Any]):
    """The id of a job."""

    name = "job id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(UUID(value))
        except ValueError:
            self.fail(f"{value!r} is no job id; `ops job list` shows them.", param, ctx)


class Name(click.ParamType[Any]):
    """A name as the database has them; nothing else may become a part of an address."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _NAME.fullmatch(value):
            self.fail(f"{value!r} is no name: a letter, then letters, digits and _.", param, ctx)
        return str(value)


LENGTH = Length()
AHEAD = Moment(ahead=True)
AGO = Moment(ahead=False)
JOB_ID = JobId()
NAME = Name()


def read_payload(pairs: Sequence[str], text: str | None, file: IO[str] | None) -> dict[str, Any]:
    """Return the payload that was given in one of three ways; pairs are laid over the others."""
    if text is not None and file is not None:
        raise click.UsageError("Give --payload or --file, not both.")
    payload: Any = {}
    if text is not None:
        payload = _parse(text, "--payload")
    if file is not None:
        payload = _parse(file.read(), "--file")
    if not isinstance(payload, dict):
        raise click.UsageError("A payload is a JSON object.")
    return payload | dict(map(_read_pair, pairs))


def _parse(text: str, origin: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{origin} is no JSON: {error}") from None


def _read_pair(pair: str) -> tuple[str, Any]:
    """Read `key=value`; the value is JSON where it parses, else text."""
    key, equals, value = pair.partition("=")
    if not equals or not key:
        raise click.UsageError(f"-p takes key=value, not {pair!r}.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
