"""A virtual environment for each peer, made by the bench, outside the product's locks."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.contenders import System
from bench.remote import FOLDER

VENVS = FOLDER / "venvs"
_NEWEST_MINOR = 20


class CannotInstall(Exception):
    """A peer cannot take part, and why."""


def python_of(system: System) -> Path:
    """Return the interpreter that runs a system's adapter, its environment made if need be.

    Raises CannotInstall with a reason that a table can print.
    """
    if not system.is_peer:
        return Path(sys.executable)
    folder = VENVS / system.name
    base = _interpreter(system)
    stamp = folder / "bench-stamp"
    wanted = hashlib.sha256("\n".join([str(base), *system.requires]).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        for command in _commands(base, folder, system):
            _run(command)
        stamp.write_text(wanted)
    return folder / "bin" / "python"


def _commands(base: Path, folder: Path, system: System) -> Iterator[list[str]]:
    python = str(folder / "bin" / "python")
    if uv := shutil.which("uv"):
        yield [uv, "venv", "--quiet", f"--python={base}", str(folder)]
        yield [uv, "pip", "install", "--quiet", f"--python={python}", *system.requires]
    else:
        yield [str(base), "-m", "venv", str(folder)]
        yield [python, "-m", "pip", "install", "--quiet", *system.requires]


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if "ERROR" in line.upper()]
        why = (lines or done.stdout.splitlines() or ["no reason given"])[-1]
        raise CannotInstall(f"could not be installed: {why.strip()[:200]}")


def _interpreter(system: System) -> Path:
    """Return the interpreter of this process, the same for all, unless a peer needs a newer one."""
    own = Path(sys._base_executable)  # type: ignore[attr-defined]  # noqa: SLF001 - a venv's python
    if not system.python or sys.version_info[:2] >= _version(system.python):
        return own
    for candidate in _candidates():
        if _version_of(candidate) >= _version(system.python):
            return candidate
    raise CannotInstall(f"needs Python {system.python} or newer, and none was found")


def _candidates() -> Iterator[Path]:
    for minor in range(_NEWEST_MINOR, sys.version_info.minor, -1):
        if found := shutil.which(f"python3.{minor}"):
            yield Path(found)
    yield from sorted(Path.home().glob(".pyenv/versions/*/bin/python"))


def _version_of(python: Path) -> tuple[int, ...]:
    """Return the version of an interpreter; a shim without one behind it has none."""
    done = subprocess.run([str(python), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"Python (\d+)\.(\d+)", done.stdout)
    is_usable = done.returncode == 0 and found and os.access(python, os.X_OK)
    return _version(f"{found[1]}.{found[2]}") if found and is_usable else (0, 0)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
