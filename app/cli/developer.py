"""The commands of developers: run the tests, run the gate, format, lock the dependencies."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

import click

from app.cli.exits import ERROR, CommandError
from app.cli.local import ROOT
from app.cli.output import emit, say

# -P: what lies in the folder must not stand in for an installed module.
PYTHON = [sys.executable, "-P"]
MODULE = [*PYTHON, "-m"]
RUFF = [*MODULE, "ruff"]
SHORT = ["--output-format=concise", "--quiet"]
PYTEST = [*MODULE, "pytest"]
LAYERS = "import importlinter.cli as cli; cli.lint_imports_command()"
# Databases of their own: these can run side by side, those with real processes a file at a time.
# What kills and freezes processes wants the machine to itself.
SIDE_BY_SIDE = ("unit", "contract", "integration")
FILE_BY_FILE = ("e2e", "pooler")
ONE_BY_ONE = ("chaos", "browser")
# In the order of their names: by their number of tests the file with the longest would come last.
IN_FILES = ("--dist=loadfile", "--no-loadscope-reorder")
TYPED = ("api", "app", "bench", "config", "migrations", "scripts", "worker", "ops")
LOCK_OPTIONS = ("--universal", "--python-version=3.11", "--generate-hashes", "--no-header")


@click.command("test", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]...")
def test_command(arguments: tuple[str, ...]) -> None:
    """Run the whole test suite, or what pytest's arguments choose."""
    if arguments:
        raise SystemExit(_call([*PYTEST, *arguments]))
    workers = ["-n", "logical", "--maxprocesses=4"]
    codes = [
        _call([*PYTEST, *options, *folders])
        for options, folders in (
            (workers, _tests(SIDE_BY_SIDE)),
            ([*workers, *IN_FILES], _tests(FILE_BY_FILE)),
            ([], _tests(ONE_BY_ONE)),
        )
        if folders
    ]
    raise SystemExit(max(codes))


@click.command("check")
def check_command() -> None:
    """Run the fast gate: format, lint, types, layers, schema, unit and contract tests."""
    steps = {
        "format": [*RUFF, "format", "--check", *SHORT, "."],
        "lint": [*RUFF, "check", *SHORT, "."],
        "types": [*MODULE, "mypy", *TYPED],
        "layers": [*PYTHON, "-c", LAYERS, "--no-logo"],
        "schema": [*PYTHON, "scripts/check_schema.py"],
        "tests": [*PYTEST, "-q", *_tests(("unit", "contract"))],
    }
    failed = [name for name, command in steps.items() if not _passes(name, command)]
    if failed:
        emit(("failed", "red"), f": {', '.join(failed)}")
        raise SystemExit(ERROR)
    emit(("all well", "green"))


@click.command("fmt")
def fmt_command() -> None:
    """Format the code and mend what the linter can mend safely."""
    fixed = _call([*RUFF, "check", "--fix-only", "."])
    raise SystemExit(_call([*RUFF, "format", "."]) or fixed)


@click.command("lock")
@click.option("--upgrade", is_flag=True, help="Take the newest versions that pyproject allows.")
def lock_command(upgrade: bool) -> None:
    """Lock the dependencies anew: hashes, no hosts, the same versions in all three files."""
    uv = shutil.which("uv")
    if uv is None:
        raise CommandError("uv is needed to lock.", hint="pip install uv, then start again")
    newest = ["--upgrade"] if upgrade else []
    # The widest first: it rules the versions of the other two.
    for name, chosen in (
        ("dev", ["--group=dev", *newest]),
        ("runner", ["--group=runner", "--constraint=requirements/dev.txt"]),
        ("vercel", ["--constraint=requirements/dev.txt"]),
    ):
        target = f"--output-file=requirements/{name}.txt"
        command = [uv, "pip", "compile", "--quiet", "--no-annotate", *LOCK_OPTIONS, *chosen, target]
        if _call([*command, "pyproject.toml"]) != 0:
            raise CommandError(f"requirements/{name}.txt could not be locked.")
        say(f"requirements/{name}.txt")


def _exists(name: str) -> bool:
    return (ROOT / name).exists()


def _tests(folders: Sequence[str]) -> list[str]:
    return [f"tests/{folder}" for folder in folders if _exists(f"tests/{folder}")]


def _call(command: Sequence[str]) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _passes(name: str, command: Sequence[str]) -> bool:
    started_at = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    passed = done.returncode == 0
    mark = ("✓", "green") if passed else ("✗", "red")
    emit(mark, f" {name:8} {time.monotonic() - started_at:5.1f} s")
    if not passed:
        emit("\n".join(f"    {line}" for line in done.stdout.strip().splitlines()))
    return passed
