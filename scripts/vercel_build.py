"""Build the deployment with Vercel's own builder, look into it, and call the function it made.

    .venv/bin/python scripts/vercel_build.py [--required]

Needs no account and does not reach the platform. Vercel's command line comes from npm and is kept
under `.ops/`; node, Python 3.12 or 3.13 and a package index have to be there. Where one is missing
it says so and exits 0, with --required 1. Exit code 1 with the reasons where the build fails, holds
what it must not hold, or does not answer as it should.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.programs import Missing, find_node_program, find_python, find_uv
from scripts.vercel_bundle import find_faults, read_bundle
from scripts.vercel_calls import find_wrong_answers
from scripts.working_copy import copy_working_copy

COMMAND_LINE = {
    "private": True,
    "dependencies": {"vercel": "64.0.2"},
    "overrides": {"sandbox": "4.5.0"},  # it asks for a version of this one that npm has not
}
PYTHONS = ("3.12", "3.13")
# Stands for the link to a project on the platform, which is asked for where there is none.
PROJECT = {"projectId": "prj_local", "orgId": "team_local", "settings": {"framework": None}}
BUILD_SECONDS = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the deployment and call it.")
    parser.add_argument("--required", action="store_true", help="fail where a program is missing")
    required = parser.parse_args().required
    with tempfile.TemporaryDirectory(prefix="ops-vercel-") as temporary:
        tree, instance = Path(temporary) / "tree", Path(temporary) / "instance"
        try:
            python = build(tree)
        except Missing as missing:
            print(f"{'failed' if required else 'skipped'}: {missing}")
            return int(required)
        except subprocess.SubprocessError as error:
            print(f"failed: {error}\n{getattr(error, 'stdout', None) or ''}")
            return 1
        bundle = read_bundle(tree)
        print(f"The function has {len(bundle.files)} files, {bundle.size / 1e6:.1f} MB.")
        bundle.unpack(instance)
        faults = [*find_faults(bundle), *find_wrong_answers(bundle, python, instance)]
    for fault in faults:
        print(f"✗ {fault}")
    if not faults:
        print("It holds the control plane and nothing else, and it answers.")
    return 1 if faults else 0


def build(tree: Path) -> Path:
    """Build a copy of the project in `tree`; return the Python that the function runs under.

    In a copy, for the builder writes into the project.
    """
    vercel = find_node_program("vercel", COMMAND_LINE)
    python, version = find_python(*PYTHONS)
    uv = find_uv()
    copy_working_copy(tree)
    (tree / ".vercel").mkdir()
    (tree / ".vercel" / "project.json").write_text(json.dumps(PROJECT))
    (tree / ".python-version").write_text(f"{version}\n")
    node = Path(shutil.which("node") or "")
    path = ":".join(str(program.parent) for program in (uv, python, node))
    started = time.monotonic()
    subprocess.run(
        [
            "/usr/bin/env", "VERCEL_TELEMETRY_DISABLED=1", f"PATH={path}:/usr/bin:/bin",
            vercel, "build", "--yes",
        ],
        cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=BUILD_SECONDS, check=True,
    )  # fmt: skip
    print(f"Built for Python {version} in {time.monotonic() - started:.0f} s.")
    return python


if __name__ == "__main__":
    sys.exit(main())
