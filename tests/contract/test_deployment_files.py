"""The files that the how-to on the runner has people copy: they are right for this code."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config import SETTINGS, Settings, load_settings

ROOT = Path(__file__).parents[2]
FILES = ROOT / "docs" / "how-to" / "files"
CONTAINERFILE = (FILES / "Containerfile").read_text(encoding="utf-8")
COPIES = re.findall(r"^COPY (.+) (\S+)$", CONTAINERFILE, re.MULTILINE)
# Without the checkout on the path, which the developers' environment puts there.
START = f"""
import runpy, sys
sys.path = [path for path in sys.path if path != {str(ROOT)!r}]
sys.argv = ["worker"]
runpy.run_module("worker", run_name="__main__", alter_sys=True)
"""


def variables(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def load() -> Settings:
    """Load the settings of the service with secrets of the length that is asked for."""
    given = variables(FILES / "ops-runner.env")
    return load_settings("runner", {**given, "SECRET_KEY": "x" * 32, "RUNNER_TOKEN": "x" * 32})


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FILES / "ops-runner.service")
    return parser


def test_the_settings_of_the_service_are_those_that_a_runner_needs() -> None:
    given = variables(FILES / "ops-runner.env")
    assert set(given) <= {setting.variable for setting in SETTINGS}
    assert load().is_production
    assert load().features == {"nearsight"}


def test_the_service_waits_for_a_drain() -> None:
    service = unit()["Service"]
    longest = load().runner_drain_seconds + load().runner_kill_grace_seconds
    assert int(service["TimeoutStopSec"]) > longest
    assert service["KillMode"] == "mixed"
    assert service["ExecStart"].endswith(".venv/bin/python -P -m worker")
    assert service["EnvironmentFile"] == "/etc/ops-runner.env"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not here")
    text = (FILES / "ops-runner.service").read_text(encoding="utf-8")
    program = unit()["Service"]["ExecStart"].split()[0]
    copy = tmp_path / "ops-runner.service"
    copy.write_text(text.replace(program, f'"{sys.executable}"'))
    done = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_container_has_all_that_the_runner_needs(tmp_path: Path) -> None:
    for sources, target in COPIES:
        for source in sources.split():
            place = tmp_path / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, place)
    done = subprocess.run(
        [sys.executable, "-P", "-c", START],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ValidationError: 4 settings are wrong" in done.stderr
    assert "No module named" not in done.stderr


def test_the_container_installs_the_lock_of_the_runner() -> None:
    (lock,) = re.findall(r"pip install .*--require-hashes -r (\S+)", CONTAINERFILE)
    assert lock == "requirements/runner.txt"
    assert re.search(r"^USER (?!root)\w+$", CONTAINERFILE, re.MULTILINE)


def test_the_tunnel_and_the_proxy_let_the_same_in() -> None:
    tunnel = (FILES / "cloudflared.yml").read_text(encoding="utf-8")
    proxy = (FILES / "Caddyfile").read_text(encoding="utf-8")
    for text in (tunnel, proxy):
        assert "/runner/wake" in text
        assert "127.0.0.1:8010" in text
        assert "404" in text
