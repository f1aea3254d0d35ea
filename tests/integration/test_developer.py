"""The developers' commands, as processes: what they pass on and how they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.developer import _passes

LAUNCHER_TESTS = "tests/unit/test_launcher.py"


def ops(
    *arguments: str, cwd: Path, path: str = "/usr/bin:/bin"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", *arguments],
        cwd=cwd,
        env={"PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_arguments_go_to_pytest_from_any_folder(tmp_path: Path) -> None:
    done = ops("test", "-q", LAUNCHER_TESTS, "-k", "parses or executable", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed, 1 deselected" in done.stdout


def test_the_exit_code_is_that_of_pytest(tmp_path: Path) -> None:
    assert ops("test", "-q", LAUNCHER_TESTS, "-k", "no_such_test", cwd=tmp_path).returncode == 5


def test_locking_without_uv_says_what_to_install(tmp_path: Path) -> None:
    done = ops("lock", cwd=tmp_path, path="")
    assert done.returncode == 1
    assert "pip install uv" in done.stderr


def test_a_step_of_the_gate_shows_its_output_when_it_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _passes("good", [sys.executable, "-c", "print('quiet')"])
    assert not _passes("bad", [sys.executable, "-c", "print('a reason'); raise SystemExit(3)"])
    good, bad, *reasons = capsys.readouterr().out.splitlines()
    assert good.startswith("✓ good")
    assert bad.startswith("✗ bad")
    assert [reason.strip() for reason in reasons] == ["a reason"]
