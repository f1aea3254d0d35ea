"""Reports of snapshots: a CSV or JSON document read row by row, good rows kept, bad ones named."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.metrics.snapshot import MAX_SNAPSHOTS, Snapshot

ACCEPT = "text/csv, application/json;q=0.9, */*;q=0.1"
COLUMNS = tuple(Snapshot.model_fields)
MAX_REJECTED = 20

_JSON_STARTS = ("{", "[")


class NotAReport(Exception):
    """The document holds no snapshot; the message says why, in plain words."""


@dataclass(frozen=True, slots=True)
class Report:
    snapshots: list[Snapshot]
    rejected: list[str]
    """The first rows that were passed over, each with its place and what is wrong."""
    rejected_count: int


def read_report(body: bytes) -> Report:
    """Return the rows of a CSV with a header line, a JSON list, or `{"snapshots": [...]}`.

    Raises `NotAReport` where no row is good.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotAReport("the document is not UTF-8 text") from error
    is_json = text.lstrip().startswith(_JSON_STARTS)
    snapshots: list[Snapshot] = []
    rejected: list[str] = []
    for place, row in _json_rows(text) if is_json else _csv_rows(text):
        if len(snapshots) + len(rejected) >= MAX_SNAPSHOTS:
            raise NotAReport(f"the document has more than {MAX_SNAPSHOTS:,} rows")
        try:
            snapshots.append(Snapshot.model_validate(row))
        except ValidationError as error:
            rejected.append(f"{place}: {_problem(error)}")
    if not snapshots:
        found = "; ".join(rejected[:3]) or "none at all"
        raise NotAReport(f"the document has no good row ({found})")
    return Report(snapshots, rejected[:MAX_REJECTED], len(rejected))


def _csv_rows(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            raise NotAReport(f"the document is no CSV with the columns {', '.join(COLUMNS)}")
        for row in reader:
            if any(cell.strip() for cell in row):
                cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
                values = {column: cells[column] for column in COLUMNS if column in cells}
                yield f"line {reader.line_num}", values
    except csv.Error as error:
        raise NotAReport(f"line {reader.line_num} of the document is not CSV") from error


def _json_rows(text: str) -> Iterator[tuple[str, Any]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAReport("the document is not well-formed JSON") from error
    items = data.get("snapshots") if isinstance(data, dict) else data
    if not isinstance(items, list):
        raise NotAReport('the document is no list of snapshots, and has none under "snapshots"')
    for position, item in enumerate(items, start=1):
        is_row = isinstance(item, dict)
        yield f"item {position}", {k: item[k] for k in COLUMNS if k in item} if is_row else item


def _problem(error: ValidationError) -> str:
    """Name the first problem without repeating what was found: the document is not ours."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}" if field else first["msg"]
