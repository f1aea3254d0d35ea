"""The record of a run: one JSON file a day and mode, every repeat in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("results")
FORMAT = 1

Results = dict[str, Any]


def path_for(day: str, mode: str, *, is_partial: bool) -> Path:
    """Return the file of a day: a full run has the plain name, the others say what they are."""
    suffix = "-partial" if is_partial else ""
    return FOLDER / (f"{day}{suffix}.json" if mode == "full" else f"{day}-{mode}{suffix}.json")


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def read(path: Path) -> Results:
    """Return a record."""
    found: Results = json.loads(path.read_text(encoding="utf-8"))
    return found


def merged(earlier: Results | None, later: Results) -> Results:
    """Return the later record with the scenarios that only the earlier one of that day has."""
    if earlier is None or earlier["format"] != later["format"]:
        return later
    return {**later, "scenarios": {**earlier["scenarios"], **later["scenarios"]}}


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Write a record, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def newest() -> Path | None:
    """Return the record of the newest full run, else the newest there is."""
    found = sorted(FOLDER.glob("*.json"), key=lambda path: (len(path.stem) == 10, path.stem))
    return found[-1] if found else None
