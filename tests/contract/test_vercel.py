"""The deployment to Vercel: what goes into it, and that its check would notice what must not."""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.programs import Missing, find_python
from scripts.vercel_bundle import ENTRY_POINT, HANDLER, Bundle, belongs, find_faults, read_bundle
from scripts.working_copy import ROOT, tracked_files
from tests.control_plane import make_app

VERCEL: dict[str, Any] = json.loads((ROOT / "vercel.json").read_text(encoding="utf-8"))
FUNCTION = VERCEL["functions"][ENTRY_POINT]
EXCLUDED = FUNCTION["excludeFiles"].strip("{}").split(",")
LOCK = "requirements/vercel.txt"


def is_excluded(name: str) -> bool:
    """Say whether the builder leaves a file out: `*` ends at a slash, `**` does not."""
    return any(
        fnmatch.fnmatchcase(name, pattern) and ("**" in pattern or "/" not in name[len(pattern) :])
        for pattern in EXCLUDED
        if "/" in pattern or "/" not in name
    )


def test_a_file_is_part_of_the_control_plane_or_left_out() -> None:
    leaks = [name for name in tracked_files() if not belongs(name) and not is_excluded(name)]
    missing = [name for name in tracked_files() if belongs(name) and is_excluded(name)]
    assert (leaks, missing) == ([], [])


def test_secrets_of_a_developer_are_left_out() -> None:
    for name in (".env", ".env.local", ".ops/secrets.env", ".venv/bin/python"):
        assert is_excluded(name)


def test_a_cron_calls_a_route_that_is_there() -> None:
    urls = make_app("postgresql://nowhere/nothing").url_map.bind("localhost")
    assert VERCEL["crons"]
    for cron in VERCEL["crons"]:
        assert urls.match(cron["path"], method="GET")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Lay out what the builder makes of a project without fault."""
    (tmp_path / "api").mkdir()
    (tmp_path / ENTRY_POINT).write_text("app = None")
    (tmp_path / "requirements").mkdir()
    (tmp_path / LOCK).write_text("flask==3.1.3 \\\npsycopg-binary==3.3.9 ; x\n")
    (tmp_path / "vercel.json").write_text(json.dumps(VERCEL))
    function = tmp_path / ".vercel" / "output" / "functions" / "flask.func"
    function.mkdir(parents=True)
    (function / HANDLER).write_text(f'"__VC_HANDLER_ENTRYPOINT": "{ENTRY_POINT}",')
    routing = {"version": 3, "crons": VERCEL["crons"]}
    (tmp_path / ".vercel" / "output" / "config.json").write_text(json.dumps(routing))
    put(tmp_path, ENTRY_POINT, "_vendor/psycopg_binary-3.3.9.dist-info/METADATA")
    return tmp_path


def put(root: Path, *names: str, **configuration: object) -> Bundle:
    """Make these files the function's, beside those that it has; they need not exist."""
    path = root / ".vercel" / "output" / "functions" / "flask.func" / ".vc-config.json"
    before = json.loads(path.read_text()) if path.exists() else {"filePathMap": {}}
    files = {**before["filePathMap"], **dict.fromkeys(names, ENTRY_POINT)}
    base = {"maxDuration": FUNCTION["maxDuration"], "environment": {}}
    path.write_text(json.dumps({**base, **configuration, "filePathMap": files}))
    return read_bundle(root)


def test_a_bundle_of_the_control_plane_alone_has_no_fault(built: Path) -> None:
    assert [*find_faults(read_bundle(built))] == []


def publish(root: Path) -> None:
    leaked = root / ".vercel" / "output" / "static" / "app" / "__init__.py"
    leaked.parent.mkdir(parents=True)
    leaked.touch()


def enter_elsewhere(root: Path) -> None:
    handler = root / ".vercel" / "output" / "functions" / "flask.func" / HANDLER
    handler.write_text('"__VC_HANDLER_ENTRYPOINT": "app/main.py"')


def forget_the_cron(root: Path) -> None:
    (root / ".vercel" / "output" / "config.json").write_text('{"version": 3}')


def grow(root: Path) -> None:
    with (root / ENTRY_POINT).open("ab") as file:
        file.truncate(61_000_000)


def put_package(root: Path) -> None:
    put(root, "_vendor/alembic-1.20.1.dist-info/METADATA")


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (publish, "published as a static file: app/__init__.py"),
        (enter_elsewhere, f"the entry point is not {ENTRY_POINT}"),
        (lambda root: put(root, "worker/daemon.py"), "not part of the control plane: worker/"),
        (lambda root: put(root, "app/cli/root.py"), "not part of the control plane: app/cli/"),
        (lambda root: put(root, ".env"), "not part of the control plane: .env"),
        (put_package, "not a package of vercel.txt: alembic"),
        (lambda root: put(root, maxDuration=300), "the function may not run for the"),
        (forget_the_cron, "its crons are None"),
        (grow, "bytes are more than"),
    ],
)
def test_a_fault_in_the_bundle_is_found(
    built: Path, plant: Callable[[Path], object], fault: str
) -> None:
    plant(built)
    (found,) = find_faults(read_bundle(built))
    assert fault in found


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--required"], 1)])
def test_a_missing_program_is_named_and_fails_on_demand_only(options: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "scripts/vercel_build.py", *options],
        cwd=ROOT, env={"PATH": "/nonexistent"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, "")
    assert "node and npm are not here" in done.stdout


def test_a_python_that_is_nowhere_is_named() -> None:
    with pytest.raises(Missing, match=r"3\.98 or 3\.99"):
        find_python("3.98", "3.99")
