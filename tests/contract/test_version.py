"""One version, in the package's metadata and in the code."""

from __future__ import annotations

import tomllib
from pathlib import Path

from app.version import VERSION

PYPROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["version"] == VERSION
