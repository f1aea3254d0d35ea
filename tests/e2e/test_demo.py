"""`ops demo` as a stranger meets it: it tells the whole path, ends well, and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psycopg
import pytest

from config import SETTINGS
from tests.processes import RealProcess, descendants, is_running, process

TYPES = ("nearsight_collect_refresh", "captorator_compose", "metrics_refresh")


def environment(**settings: str) -> dict[str, str]:
    ours = {setting.variable for setting in SETTINGS}
    return {name: value for name, value in os.environ.items() if name not in ours} | settings


def demo(folder: Path) -> list[str]:
    return ["-m", "app.cli", "demo", "--data", str(folder)]


def running_below(started: RealProcess) -> set[int]:
    return {started.pid, *descendants(started.pid)}


def test_the_demo_tells_the_whole_path_and_stops_everything(tmp_path: Path) -> None:
    with process(demo(tmp_path), environment()) as started:
        started.wait_for_line("3  Watch them run", timeout=60)
        processes = running_below(started)
        assert started.wait(60) == 0, started.output
        assert not any(is_running(pid) for pid in processes)
        text = started.output
    chapters = re.findall(r"^(\d)  ", text, flags=re.MULTILINE)
    assert chapters == [str(number) for number in range(1, 8)]
    assert "\x1b" not in text
    for job_type in TYPES:
        assert re.search(rf"{job_type} .*✓ succeeded in", text)
        assert re.search(rf"{job_type} .*running +by runner:", text)
    assert "│ " in text
    assert "points" in text
    assert "followers" in text
    assert text.count('-H "X-Ops-Key: $OPS_API_KEY"') >= 4
    assert "SELECT * FROM ops_jobs ORDER BY created_at DESC LIMIT 5;" in text
    for secret in (tmp_path / "secrets.env").read_text().splitlines()[1:]:
        assert secret.partition("=")[2] not in text


def test_a_second_demo_runs_on_the_same_data(tmp_path: Path) -> None:
    for _ in range(2):
        with process(demo(tmp_path), environment()) as started:
            assert started.wait(60) == 0, started.output


def test_the_demo_uses_a_given_database(tmp_path: Path, database_url: str) -> None:
    with process(demo(tmp_path), environment(DATABASE_URL=database_url)) as started:
        assert started.wait(60) == 0, started.output
    assert not (tmp_path / "data").exists()
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select job_type, status, requested_by from ops_jobs").fetchall()
    assert sorted(rows) == sorted((t, "succeeded", "ops demo") for t in TYPES)


def test_the_demo_stays_out_of_production(tmp_path: Path) -> None:
    with process(demo(tmp_path), environment(APP_ENV="prod")) as started:
        assert started.wait(20) == 1
        assert "APP_ENV is production" in started.output


@pytest.mark.parametrize("moment", ["PostgreSQL", "3  Watch"])
def test_ctrl_c_stops_the_demo_at_any_moment(tmp_path: Path, moment: str) -> None:
    with process(demo(tmp_path), environment()) as started:
        started.wait_for_line(moment, timeout=60)
        processes = running_below(started)
        started.signal(signal.SIGINT)
        assert started.wait(60) in (0, 130)
        assert not any(is_running(pid) for pid in processes)
