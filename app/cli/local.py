"""What `ops up` keeps on this machine, in a folder (`.ops` unless said otherwise).

data/          the embedded PostgreSQL
logs/          what the processes say
secrets.env    the secrets it made because they were missing, kept for the next start
up.json        every variable it chose; valid while `up.lock` is locked
up.lock        locked while it runs; the kernel drops the lock with the process
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN_FOLDER = ROOT / ".ops"


def shown(path: Path) -> str:
    """Return a path as a person at this place would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder; raise BlockingIOError where another `ops` holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "up.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def is_held(folder: Path) -> bool:
    """Say whether an `ops` runs in the folder."""
    try:
        with open(folder / "up.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # nobody ever did, or it is somebody else's
        return False
    return False


def publish(folder: Path, variables: Mapping[str, str]) -> None:
    """Let the other commands on this machine know what the running `ops up` chose."""
    write_private(folder / "up.json", json.dumps(dict(variables), indent=2))


def published(folder: Path = RUN_FOLDER) -> dict[str, str]:
    """Return what the running `ops up` of the folder chose; empty where none runs."""
    if not is_held(folder):
        return {}
    try:
        found: dict[str, str] = json.loads((folder / "up.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner alone, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
