"""The `ops` command in tests: what it prints, once it ended as it should."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.cli.root import main

Capture = pytest.CaptureFixture[str]


def output(capsys: Capture, *arguments: str, code: int = 0) -> str:
    """Run a command that ends with `code`; return what it printed as data."""
    assert main([*arguments]) == code, capsys.readouterr().err
    return capsys.readouterr().out.strip()


def shown(capsys: Capture, *arguments: str) -> Any:
    """Run a command that prints JSON; return it."""
    return json.loads(output(capsys, "--json", *arguments))
