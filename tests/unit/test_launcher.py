"""What must hold for the launcher before any package is there."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

LAUNCHER = Path(__file__).parents[2] / "ops"


def test_the_launcher_parses_on_an_old_python() -> None:
    ast.parse(LAUNCHER.read_text(), feature_version=(3, 8))


def test_the_launcher_needs_the_standard_library_alone() -> None:
    imported: set[str | None] = set()
    for node in ast.walk(ast.parse(LAUNCHER.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported <= sys.stdlib_module_names


def test_the_launcher_is_executable() -> None:
    assert LAUNCHER.stat().st_mode & 0o111
