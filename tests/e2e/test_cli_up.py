"""`ops up` as a person meets it: it starts, it works, it stops, and it leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from app import jobs
from app.cli import exits
from app.cli.local import published
from app.cli.made_secrets import complete
from app.cli.ports import free_ports
from app.cli.root import main
from config import SETTINGS
from tests.factories import kinds
from tests.processes import RealProcess, descendants, is_running, process
from tests.waiting import wait_until

READY = "Ready in"
Capture = pytest.CaptureFixture[str]


class Up:
    """A running `ops up` with the folder it keeps and the ports it was given."""

    def __init__(self, started: RealProcess, folder: Path, port: int) -> None:
        self.process = started
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"

    @property
    def variables(self) -> dict[str, str]:
        return published(self.folder)

    def everything(self) -> set[int]:
        """Return every process of it: its own, those below, and PostgreSQL's, which is detached."""
        found = {self.process.pid, *descendants(self.process.pid)}
        for file in self.folder.glob("data/**/postmaster.pid"):
            postmaster = int(file.read_text().splitlines()[0])
            found |= {postmaster, *descendants(postmaster)}
        return found


def bare_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this environment without any setting of the product."""
    ours = {setting.variable for setting in SETTINGS}
    return {name: value for name, value in os.environ.items() if name not in ours} | {**settings}


@contextlib.contextmanager
def up(
    folder: Path, *, ports: Sequence[int] | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Up]:
    """Run `ops up` in a folder; it is ended with the block, however it went."""
    port, runner_port = ports or free_ports(2)
    arguments = ["-m", "app.cli", "up", "--data", str(folder)]
    arguments += ["--port", str(port), "--runner-port", str(runner_port)]
    with process(arguments, bare_environment(settings or {})) as started:
        yield Up(started, folder, port)


def use(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    """Let the commands of this process see what an `ops up` chose."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def start_a_long_job(stack: Up, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> str:
    """Create a job that sleeps for ten minutes and wait until its handler runs."""
    use(monkeypatch, stack.variables)
    capsys.readouterr()
    assert main(["job", "create", "test_job", "-p", "sleep_seconds=600"]) == 0
    job_id = capsys.readouterr().out.strip()

    def is_asleep() -> bool:
        main(["job", "events", job_id])
        return "sleeping" in capsys.readouterr().out

    wait_until(is_asleep, message="the handler sleeps")
    return job_id


def all_gone(processes: set[int]) -> bool:
    return not any(is_running(pid) for pid in processes)


def test_up_runs_a_job_and_doctor_finds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with up(tmp_path) as stack:
        stack.process.wait_for_line(READY, timeout=60)
        assert stack.url in stack.process.output
        assert '-H "X-Ops-Key: $OPS_API_KEY"' in stack.process.output
        use(monkeypatch, stack.variables)
        assert main(["job", "create", "test_job", "-p", "echo=hello", "--wait", "--json"]) == 0
        job = json.loads(capsys.readouterr().out)
        assert job["status"] == "succeeded"
        assert main(["types", "--json"]) == 0
        assert {t["name"] for t in json.loads(capsys.readouterr().out)} >= {"captorator_compose"}
        assert main(["trigger"]) == 0
        assert main(["db", "current"]) == 0
        code = main(["doctor", "--json"])
        report = json.loads(_last_line(capsys))
        assert (code, report["problems"]) == (0, 0), report
        for name in ("OPS_API_KEY", "RUNNER_TOKEN", "SECRET_KEY", "DATABASE_URL"):
            assert stack.variables[name] not in stack.process.output
            for log in (tmp_path / "logs").iterdir():
                assert stack.variables[name] not in log.read_text()


def _last_line(capsys: Capture) -> str:
    return capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_drains_everything(tmp_path: Path, number: signal.Signals) -> None:
    with up(tmp_path) as stack:
        stack.process.wait_for_line(READY, timeout=60)
        processes = stack.everything()
        assert len(processes) > 5
        stack.process.signal(number)
        assert stack.process.wait(60) == 0
        assert all_gone(processes)
        order = [line.split()[1] for line in stack.process.lines if "stopped" in line]
        assert order == ["runner", "control", "PostgreSQL"]
        assert "killed" not in stack.process.output


def test_a_kill_in_mid_job_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with up(tmp_path) as stack:
        stack.process.wait_for_line(READY, timeout=60)
        start_a_long_job(stack, monkeypatch, capsys)
        processes = stack.everything()
        stack.process.signal(signal.SIGKILL)
        stack.process.wait()
        wait_until(lambda: all_gone(processes), message="all of it is gone", timeout=20)


def test_a_signal_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    with up(tmp_path) as stack:
        stack.process.wait_for_line("PostgreSQL", timeout=60)
        processes = stack.everything()
        stack.process.signal(signal.SIGINT)
        stack.process.wait(60)
        assert all_gone(processes)
        assert READY not in stack.process.output


def test_a_second_signal_gives_the_jobs_back_at_once(
    tmp_path: Path,
    database_url: str,
    connection: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    with up(tmp_path, settings={"DATABASE_URL": database_url}) as stack:
        stack.process.wait_for_line(READY, timeout=60)
        job_id = start_a_long_job(stack, monkeypatch, capsys)
        stack.process.signal(signal.SIGINT)
        stack.process.wait_for_line("Stopping")
        stack.process.signal(signal.SIGINT)
        assert stack.process.wait(15) == 0
        assert "killed" not in stack.process.output
    job = jobs.get_job(connection, UUID(job_id))
    assert (job.status, job.attempt) == (jobs.Status.QUEUED, 0)
    assert kinds(connection, job.id)[-1] == "released"


def test_serve_and_runner_are_the_same_by_hand(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, runner_port = free_ports(2)
    chosen = complete({}) | {
        "APP_ENV": "dev",
        "DATABASE_URL": database_url,
        "OPS_URL": f"http://127.0.0.1:{port}",
        "RUNNER_URL": f"http://127.0.0.1:{runner_port}",
        "RUNNER_PORT": str(runner_port),
    }
    environment = bare_environment(chosen)
    serve = ["-m", "app.cli", "serve", "--port", str(port), "--workers", "1"]
    with (
        process(serve, environment) as control_plane,
        process(["-m", "app.cli", "runner"], environment) as runner,
    ):
        control_plane.wait_for_line("Booting worker")
        runner.wait_for_event("runner_started")
        with process(serve, environment) as second:
            assert second.wait() == exits.ERROR
            assert f"Port {port}" in second.output
        use(monkeypatch, chosen)
        assert main(["job", "create", "test_job", "--wait"]) == 0
        for started in (runner, control_plane):
            started.signal(signal.SIGTERM)
            assert started.wait() == 0


def test_a_process_that_dies_stops_everything_and_is_named(tmp_path: Path) -> None:
    with up(tmp_path) as stack:
        stack.process.wait_for_line(READY, timeout=60)
        processes = stack.everything()
        _child(stack, "worker").kill()
        assert stack.process.wait(60) == exits.ERROR
        assert "The runner ended" in stack.process.output
        assert "runner.log" in stack.process.output
        assert all_gone(processes)


def _child(stack: Up, word: str) -> Any:
    children = psutil.Process(stack.process.pid).children()
    return next(child for child in children if word in child.cmdline())


def test_a_second_start_keeps_secrets_and_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with up(tmp_path) as first:
        first.process.wait_for_line(READY, timeout=60)
        secrets = {name: first.variables[name] for name in ("OPS_API_KEY", "RUNNER_TOKEN")}
        use(monkeypatch, first.variables)
        assert main(["job", "create", "test_job", "--wait"]) == 0
        first.process.signal(signal.SIGINT)
        assert first.process.wait(60) == 0
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    assert not (tmp_path / "up.json").exists()
    with up(tmp_path) as second:
        second.process.wait_for_line(READY, timeout=60)
        assert secrets.items() <= second.variables.items()
        use(monkeypatch, second.variables)
        capsys.readouterr()
        assert main(["job", "list", "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["data"]) == 1


def test_given_settings_are_used_and_not_kept(tmp_path: Path, database_url: str) -> None:
    given = {
        "DATABASE_URL": database_url, "OPS_API_KEY": "given-key", "RUNNER_TOKEN": "given-token"
    }  # fmt: skip
    with up(tmp_path, settings=given) as stack:
        stack.process.wait_for_line(READY, timeout=60)
        assert given.items() <= stack.variables.items()
        assert stack.variables["RUNNER_TOKEN_OUTBOUND"] == "given-token"
        assert not (tmp_path / "data").exists()
        assert "given" not in (tmp_path / "secrets.env").read_text()


@pytest.mark.parametrize(("taken", "option"), [(0, "--port"), (1, "--runner-port")])
def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path, taken: int, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = free_ports(2)
        ports[taken] = other.getsockname()[1]
        with up(tmp_path, ports=ports) as stack:
            assert stack.process.wait() == exits.ERROR
            assert str(ports[taken]) in stack.process.output
            assert option in stack.process.output
    assert not (tmp_path / "data").exists()


def test_a_second_one_in_the_same_folder_is_refused(tmp_path: Path, database_url: str) -> None:
    with up(tmp_path, settings={"DATABASE_URL": database_url}) as first:
        first.process.wait_for_line(READY, timeout=60)
        with up(tmp_path, settings={"DATABASE_URL": database_url}) as second:
            assert second.process.wait() == exits.CONFLICT
            assert first.url in second.process.output


def test_production_has_no_database_of_its_own(tmp_path: Path) -> None:
    with up(tmp_path, settings={"APP_ENV": "prod", "DATABASE_URL": ""}) as stack:
        assert stack.process.wait() == exits.ERROR
        assert "ValidationError" in stack.process.output
        assert "DATABASE_URL" in stack.process.output
    assert not (tmp_path / "data").exists()


def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    address = "postgresql://ops:canary-password@127.0.0.1:9/ops"
    with up(tmp_path, settings={"DATABASE_URL": address}) as stack:
        assert stack.process.wait() == exits.ERROR
        assert "The database cannot be reached" in stack.process.output
        assert "canary-password" not in stack.process.output


def test_wrong_settings_are_all_named_before_anything_starts(tmp_path: Path) -> None:
    with up(tmp_path, settings={"DATABASE_URL": "sqlite:///x.db", "RUNNER_SLOTS": "many"}) as stack:
        assert stack.process.wait() == exits.ERROR
        assert "ValueError" in stack.process.output
        assert "PostgreSQL is required" in stack.process.output
        assert "RUNNER_SLOTS" in stack.process.output
        assert "Traceback" not in stack.process.output
