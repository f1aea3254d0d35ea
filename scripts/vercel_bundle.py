"""What Vercel's builder made: the files of the function, and what is wrong with them."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_BYTES = 60_000_000
ENTRY_POINT = "api/index.py"
HANDLER = "vc__handler__python.py"
VENDORED = "_vendor/"
# The whole of what the control plane is made of; anything else in the bundle is a leak.
OWN = ("api/*", "app/*", "config/*", "settings.toml", "pyproject.toml", ".python-version")
NOT_OWN = ("app/cli/*", "app/db/migrate.py", "app/http_worker.py")  # of the machine that one owns
# What the builder adds to the locked packages.
OF_THE_BUILDER = {"pip", "vercel-runtime"}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A built function: where it came from, where it is, and its files by their place in it."""

    root: Path
    output: Path
    folder: Path
    configuration: dict[str, Any]
    files: dict[str, Path]

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())

    @property
    def environment(self) -> dict[str, str]:
        """What the platform sets, before the settings of the project."""
        return dict(self.configuration["environment"])

    def unpack(self, folder: Path) -> None:
        """Lay the function out as an instance has it."""
        for name, path in [*self.files.items(), (HANDLER, self.folder / HANDLER)]:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def read_bundle(root: Path) -> Bundle:
    """Return the one function that was built in `root`."""
    output = root / ".vercel" / "output"
    (path,) = output.glob("functions/**/.vc-config.json")
    configuration = json.loads(path.read_text(encoding="utf-8"))
    files = {name: root / source for name, source in configuration["filePathMap"].items()}
    return Bundle(root, output, path.parent, configuration, files)


def belongs(name: str) -> bool:
    """Whether a file of the project is part of the control plane."""
    return _matches(name, OWN) and not _matches(name, NOT_OWN)


def find_faults(bundle: Bundle) -> Iterator[str]:
    """Yield one sentence for everything that must not be so."""
    for path in sorted(bundle.output.glob("static/**/*")):
        if path.is_file():
            yield f"published as a static file: {path.relative_to(bundle.output / 'static')}"
    handler = (bundle.folder / HANDLER).read_text(encoding="utf-8")
    if f'"__VC_HANDLER_ENTRYPOINT": "{ENTRY_POINT}"' not in handler:
        yield f"the entry point is not {ENTRY_POINT}"
    wanted = json.loads((bundle.root / "vercel.json").read_text(encoding="utf-8"))
    seconds = wanted["functions"][ENTRY_POINT]["maxDuration"]
    if bundle.configuration.get("maxDuration") != seconds:
        yield f"the function may not run for the {seconds} s of vercel.json"
    routing = json.loads((bundle.output / "config.json").read_text(encoding="utf-8"))
    if routing.get("crons", []) != wanted.get("crons", []):
        yield f"its crons are {routing.get('crons')}"
    for name in sorted(bundle.files):
        if not name.startswith(VENDORED) and not belongs(name):
            yield f"not part of the control plane: {name}"
    lock = bundle.root / wanted["installCommand"].split()[-1]
    for name in sorted(_packages(bundle) - _locked(lock) - OF_THE_BUILDER):
        yield f"not a package of {lock.name}: {name}"
    if bundle.size > MAX_BYTES:
        yield f"{bundle.size:,} bytes are more than {MAX_BYTES:,}"


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _packages(bundle: Bundle) -> set[str]:
    metadata = re.compile(rf"{VENDORED}([^/]+?)-[^/-]+\.dist-info/METADATA")
    found = (metadata.fullmatch(name) for name in bundle.files)
    return {_canonical(match[1]) for match in found if match}


def _locked(lock: Path) -> set[str]:
    pin = re.compile(r"^([\w.-]+)(?:\[.*?\])?==", re.MULTILINE)
    return {_canonical(name) for name in pin.findall(lock.read_text(encoding="utf-8"))}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
