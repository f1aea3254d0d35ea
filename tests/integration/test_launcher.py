"""The launcher in folders of its own, with two small packages from a folder instead of an index."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.waiting import wait_until

LAUNCHER = Path(__file__).parents[2] / "ops"
COMMANDS = """
import sys
from importlib.metadata import distributions
print(sys.argv[1:], sorted(d.name for d in distributions() if d.name.startswith("ops-probe")))
"""


def make_wheel(index: Path, name: str) -> str:
    """Put a package of one empty module into the index; return its line for a lock."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-1.0.dist-info"
    files = {
        f"{module}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD,,\n"
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        record += f"{path},sha256={digest.rstrip('=')},{len(text)}\n"
    wheel = index / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


class Clone:
    """A checkout that has nothing but the launcher, two locks and a command line."""

    def __init__(self, root: Path, index: Path) -> None:
        self.root = root
        self.index = index
        self.stamp = root / ".venv" / ".ops-lock"
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(index),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def fill(self) -> None:
        (self.root / "requirements").mkdir(parents=True)
        (self.root / "app" / "cli").mkdir(parents=True)
        (self.root / "app" / "cli" / "__main__.py").write_text(COMMANDS)
        shutil.copy(LAUNCHER, self.root / "ops")
        runner, dev = (make_wheel(self.index, f"ops-probe-{name}") for name in ("runner", "dev"))
        (self.root / "requirements" / "runner.txt").write_text(runner)
        (self.root / "requirements" / "dev.txt").write_text(runner + dev)

    def start(self, *arguments: str, cwd: str = "/") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self.root / "ops"), *arguments],
            env=self.environment,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, cwd: str = "/") -> tuple[str, str]:
        process = self.start(*arguments, cwd=cwd)
        output, talk = process.communicate(timeout=100)
        return output.strip(), talk.strip()

    def lose_the_network(self) -> None:
        self.environment["PIP_FIND_LINKS"] = str(self.index / "gone")


def empty_clone(folder: Path) -> Clone:
    index = folder / "index"
    index.mkdir()
    clone = Clone(folder / "my checkout", index)
    clone.fill()
    return clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return empty_clone(tmp_path)


@pytest.fixture(scope="module")
def ready_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready")
    empty_clone(folder).run()
    return folder


@pytest.fixture
def ready(ready_folder: Path, tmp_path: Path) -> Clone:
    """A clone that was set up already, and then moved: its next start notices that."""
    folder = tmp_path / "moved"
    shutil.copytree(ready_folder, folder, symlinks=True)
    clone = Clone(folder / "my checkout", folder / "index")
    clone.run()
    return clone


RUNNER_ONLY = "['ops-probe-runner']"
BOTH = "['ops-probe-dev', 'ops-probe-runner']"


def test_the_first_start_installs_and_hands_over(clone: Clone) -> None:
    output, talk = clone.run("job", "list", "--json")
    assert output == f"['job', 'list', '--json'] {RUNNER_ONLY}"
    assert talk.splitlines()[0].startswith("Installing 1 packages into .venv, once")
    modules = list(clone.root.rglob("ops_probe_runner*.pyc"))
    assert modules, "without compiled modules every start compiles them"


def test_a_later_start_says_nothing_and_needs_no_network(ready: Clone) -> None:
    ready.lose_the_network()
    assert ready.run("up") == (f"['up'] {RUNNER_ONLY}", "")


def test_the_first_start_without_a_network_says_so(clone: Clone) -> None:
    clone.lose_the_network()
    output, talk = clone.run()
    assert output == ""
    assert "No matching distribution" in talk
    assert "Is there a network?" in talk


def test_the_tests_get_the_developers_packages_which_serve_the_rest(ready: Clone) -> None:
    assert ready.run("test")[0] == f"['test'] {BOTH}"
    assert ready.run("--json", "up") == (f"['--json', 'up'] {BOTH}", "")


def test_a_changed_lock_is_installed(ready: Clone) -> None:
    lock = ready.root / "requirements" / "runner.txt"
    lock.write_text((ready.root / "requirements" / "dev.txt").read_text())
    output, talk = ready.run()
    assert output == f"[] {BOTH}"
    assert "Installing 2 packages" in talk


def test_a_killed_first_start_is_begun_anew(clone: Clone) -> None:
    killed = clone.start()
    wait_until(clone.stamp.exists, message="the launcher prepares .venv")
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    half = clone.root / ".venv" / "half-written"
    half.touch()
    assert clone.run()[0] == f"[] {RUNNER_ONLY}"
    assert not half.exists()


def test_two_first_starts_at_once_both_work(clone: Clone) -> None:
    both = [clone.start("one"), clone.start("two")]
    answers = [process.communicate(timeout=100) for process in both]
    assert [output.strip() for output, _ in answers] == [
        f"['one'] {RUNNER_ONLY}",
        f"['two'] {RUNNER_ONLY}",
    ]
    assert sum("waiting for it" in talk for _, talk in answers) == 1
    assert sum("Installing" in talk for _, talk in answers) == 1


def test_an_environment_that_somebody_else_made_is_completed(ready: Clone) -> None:
    ready.stamp.unlink()
    theirs = ready.root / ".venv" / "theirs"
    theirs.touch()
    assert ready.run()[0] == f"[] {RUNNER_ONLY}"
    assert theirs.exists()
    assert ready.run() == (f"[] {RUNNER_ONLY}", "")


def test_pip_helps_out_where_uv_fails(ready: Clone, tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\nexit 1\n")
    uv.chmod(0o755)
    ready.environment["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    output, talk = ready.run("test")
    assert output == f"['test'] {BOTH}"
    assert "trying pip" in talk


def test_a_folder_named_like_ours_where_the_user_stands_is_not_run(
    ready: Clone, tmp_path: Path
) -> None:
    (tmp_path / "app" / "cli").mkdir(parents=True)
    (tmp_path / "app" / "cli" / "__main__.py").write_text("print('somebody else')")
    assert ready.run(cwd=str(tmp_path))[0] == f"[] {RUNNER_ONLY}"


def test_an_old_python_is_told_what_is_needed(clone: Clone) -> None:
    pretend = f"""
import runpy, sys
sys.version_info, sys.argv = (3, 9, 6), ["ops"]
runpy.run_path({str(clone.root / "ops")!r}, run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", pretend], env={"PATH": ""}, capture_output=True, text=True
    )
    assert "needs Python 3.11 or newer" in done.stderr
    assert "is Python 3.9" in done.stderr
