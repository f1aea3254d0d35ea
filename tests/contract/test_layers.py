"""The import contracts catch what they are there for: one planted import for each."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.developer import LAYERS

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "app", "config", "migrations", "worker")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def broken_contracts(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LAYERS, "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout


def test_the_code_keeps_every_contract(copy: Path) -> None:
    assert broken_contracts(copy) == ""


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("app/db/planted.py", "import app.jobs.states", "Imports point down"),
        ("app/jobs/planted.py", "import app.nearsight.tables", "Imports point down"),
        ("app/nearsight/planted.py", "import app.metrics.tables", "Imports point down"),
        ("api/planted.py", "import worker.backoff", "Imports point down"),
        ("app/web/planted.py", "from config import load_settings", "Only entry points"),
        ("worker/planted.py", "from config import load_settings", "Only entry points"),
        ("worker/planted.py", "import flask", "Only the control plane knows Flask"),
        ("worker/planted.py", "import app.web.wake", "Only the control plane knows Flask"),
        ("app/web/planted.py", "import app.db.migrate", "The control plane needs nothing"),
        ("app/web/planted.py", "import feedparser", "The control plane needs nothing"),
        ("worker/planted.py", "import gunicorn", "Only the runner's listener"),
    ],
)
def test_a_forbidden_import_is_caught(copy: Path, module: str, planted: str, contract: str) -> None:
    (copy / module).write_text(f"{planted}\n")
    try:
        assert re.search(rf"^{contract}.* BROKEN\b", broken_contracts(copy), re.MULTILINE)
    finally:
        (copy / module).unlink()


def test_an_import_for_types_alone_is_allowed(copy: Path) -> None:
    module = copy / "app" / "web" / "planted.py"
    module.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from config import Settings\n"
    )
    try:
        assert broken_contracts(copy) == ""
    finally:
        module.unlink()
