"""Run part of the suite under another Python than the one at hand: Vercel has 3.12 or newer.

    .venv/bin/python scripts/other_python.py [--required] [PYTEST ARGUMENTS]

In a copy of the project, by its own launcher, whose `.venv` is then made from the same lock.
Where no other Python is here it says so and exits 0, with --required 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.programs import Missing, find_python, find_uv
from scripts.working_copy import copy_working_copy

PYTHONS = ("3.12", "3.13")
# All that the function does, and all that needs no process of its own.
TESTS = (
    "tests/unit", "tests/contract", "tests/integration/test_verbs.py",
    "tests/integration/test_api_jobs.py", "tests/integration/test_api_trigger.py",
)  # fmt: skip
SECONDS = 240.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Run tests under another Python.")
    parser.add_argument("--required", action="store_true", help="fail where there is no other one")
    options, arguments = parser.parse_known_args()
    try:
        python, version = find_python(*PYTHONS)
        uv = find_uv()
    except Missing as missing:
        print(f"{'failed' if options.required else 'skipped'}: {missing}")
        return int(options.required)
    print(f"Python {version}, {python}", flush=True)
    with tempfile.TemporaryDirectory(prefix="ops-other-") as folder:
        copy = Path(folder) / "copy"
        copy_working_copy(copy)
        run(copy, "/usr/bin/git", "init", "--quiet")  # some tests ask git what is tracked
        run(copy, "/usr/bin/git", "add", "--all", "--force")
        path = f"PATH={uv.parent}:{python.parent}:/usr/bin:/bin"
        chosen = arguments or ["-q", "-n", "logical", *TESTS]
        return run(copy, "/usr/bin/env", path, str(python), "ops", "test", *chosen)


def run(folder: Path, *command: str) -> int:
    try:
        return subprocess.run(command, cwd=folder, timeout=SECONDS, check=False).returncode
    except subprocess.TimeoutExpired as error:
        print(f"failed: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
