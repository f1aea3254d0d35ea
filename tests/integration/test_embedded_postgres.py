"""The server that `ops` and this suite start for themselves, on real folders and real processes."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.cli.postgres import Server, running, start, stop
from app.cli.postgres_programs import PostgresError, find_programs

ROOT = Path(__file__).parents[2]
MACHINE_BINS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "a server's own folder, größer"
    yield directory
    stop(directory)


def quick_start(directory: Path) -> Server:
    return start(directory, fast_unsafe=True)


def scalar(server: Server, query: str) -> object:
    with psycopg.connect(server.url) as conn:
        row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def has_ended(server: Server) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        return False
    return True


def python(code: str, *arguments: str | Path) -> list[str]:
    """Return a command that runs code in a process of its own, our modules on its path."""
    lines = ["import sys", f"sys.path[:0] = {[str(ROOT), *sys.path[1:]]!r}"]
    lines += ["from pathlib import Path", "from app.cli.postgres import running, start, stop", code]
    return [sys.executable, "-c", "\n".join(lines), *map(str, arguments)]


START = "s = start(Path(sys.argv[1]), fast_unsafe=True); print(s.started, s.url)"


def test_a_new_folder_gets_a_server_that_asks_for_its_password(directory: Path) -> None:
    server = quick_start(directory)
    assert server.started
    assert scalar(server, "select current_database() || ' ' || current_user") == "ops ops"
    assert scalar(server, "show listen_addresses") == "127.0.0.1"
    assert scalar(server, "show unix_socket_directories") == ""
    wrong = f"postgresql://ops:wrong@127.0.0.1:{server.port}/ops"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_the_password_is_for_its_owner_alone(directory: Path) -> None:
    server = quick_start(directory)
    (password,) = directory.glob("pg*/password")
    assert password.stat().st_mode & 0o777 == 0o600
    assert password.read_text() in server.url
    assert password.read_text() not in repr(server)


def test_a_running_server_is_used_and_not_started_again(directory: Path) -> None:
    first = quick_start(directory)
    second = quick_start(directory)
    assert (second.started, second.pid, second.url) == (False, first.pid, first.url)


def test_a_stopped_server_comes_back_with_its_rows_and_its_url(directory: Path) -> None:
    first = quick_start(directory)
    with psycopg.connect(first.url) as conn:
        conn.execute("create table kept as select 7 as n")
    stop(directory)
    assert has_ended(first)
    second = quick_start(directory)
    assert (second.started, second.url) == (True, first.url)
    assert scalar(second, "select n from kept") == 7


def test_of_processes_that_start_at_once_one_starts_and_all_share(directory: Path) -> None:
    starters = [
        subprocess.Popen(python(START, directory), stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [starter.communicate(timeout=60)[0].split() for starter in starters]
    assert sorted(started for started, _ in answers) == ["False", "False", "True"]
    assert len({url for _, url in answers}) == 1


def test_a_killed_server_is_started_again_with_what_was_committed(directory: Path) -> None:
    first = start(directory)
    with psycopg.connect(first.url) as conn:  # its backend outlives the postmaster for a moment
        conn.execute("create table kept as select 7 as n")
        conn.commit()
        os.kill(first.pid, signal.SIGKILL)
        second = start(directory)
        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")
    assert (second.started, second.url) == (True, first.url)
    assert scalar(second, "select n from kept") == 7


def test_a_port_that_was_taken_meanwhile_is_replaced(directory: Path) -> None:
    first = quick_start(directory)
    stop(directory)
    with socket.create_server(("127.0.0.1", first.port)):
        second = quick_start(directory)
        assert second.port != first.port
        assert scalar(second, "select 1") == 1


def test_what_an_interrupted_first_start_left_is_thrown_away(directory: Path) -> None:
    half = directory / f"pg{find_programs().major}.new" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("1")
    assert scalar(quick_start(directory), "select 1") == 1
    assert not half.exists()


def test_a_start_waits_for_the_orphan_of_a_killed_one(directory: Path) -> None:
    killed = subprocess.Popen(python(START, directory), stdout=subprocess.PIPE)
    password = directory / f"pg{find_programs().major}.new" / "password"
    while not password.exists():
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    assert scalar(quick_start(directory), "select 1") == 1


def test_a_server_stops_although_a_transaction_is_open(directory: Path) -> None:
    server = quick_start(directory)
    with psycopg.connect(server.url) as conn:
        conn.execute("select 1")
        stop(directory)
        assert has_ended(server)
        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")


def test_stopping_what_does_not_run_does_nothing(directory: Path) -> None:
    stop(directory)
    quick_start(directory)
    stop(directory)
    stop(directory)


def test_data_of_another_major_version_are_refused_with_a_way_out(directory: Path) -> None:
    (directory / "pg13" / "data").mkdir(parents=True)
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 13.*PG_BIN"):
        start(directory)


def test_a_server_that_cannot_start_says_why(directory: Path) -> None:
    with pytest.raises(PostgresError, match='could not access file "no_such_library"'):
        start(directory, fast_unsafe=True, settings={"shared_preload_libraries": "no_such_library"})


def test_the_last_user_to_leave_stops_the_server(directory: Path) -> None:
    with running(directory, fast_unsafe=True) as mine:
        wait = (
            "with running(Path(sys.argv[1])) as s: print(s.started, flush=True); sys.stdin.read()"
        )
        other = subprocess.Popen(
            python(wait, directory), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "False\n"
    assert scalar(mine, "select 1") == 1
    other.communicate(timeout=30)
    assert has_ended(mine)


def test_a_user_that_was_killed_does_not_count(directory: Path) -> None:
    wait = "with running(Path(sys.argv[1])): print(1, flush=True); sys.stdin.read()"
    killed = subprocess.Popen(
        python(wait, directory), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.kill()
    killed.communicate()
    with running(directory) as server:
        assert not server.started
    assert has_ended(server)


def test_the_server_does_not_hear_the_signals_of_its_starter(directory: Path) -> None:
    end = "signal.signal(2, signal.SIG_DFL); os.killpg(0, signal.SIGINT); signal.pause()"
    code = f"import os, signal; {START}; sys.stdout.flush(); {end}"
    starter = subprocess.run(
        python(code, directory), capture_output=True, start_new_session=True, check=False
    )
    assert starter.returncode == -signal.SIGINT
    assert not quick_start(directory).started


@pytest.mark.skipif(not MACHINE_BINS, reason="no PostgreSQL installed on this machine")
def test_programs_of_the_machine_serve_too(directory: Path) -> None:
    server = start(directory, fast_unsafe=True, postgres_bin=MACHINE_BINS[-1])
    major = int(MACHINE_BINS[-1].parent.name)
    assert scalar(server, "select current_setting('server_version_num')::int / 10000") == major


def test_programs_that_are_too_old_or_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match="does not hold the programs"):
        find_programs(tmp_path)
    for name in ("initdb", "postgres"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.20'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(PostgresError, match="PostgreSQL 15 or newer"):
        find_programs(tmp_path)


def reachable_python() -> str | None:
    """Return a Python that an ordinary user may run, ours or the system's."""
    check = f"import sys; sys.path[:0] = {[str(ROOT), *sys.path[1:]]!r}; import app.cli.postgres"
    for candidate in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(PermissionError, FileNotFoundError):
            tried = subprocess.run(
                [candidate, "-c", check], user="nobody", capture_output=True, check=False, cwd="/"
            )
            if tried.returncode == 0:
                return candidate
    return None


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user already")
def test_an_ordinary_user_needs_nothing_special() -> None:
    interpreter = reachable_python()
    if interpreter is None:
        pytest.skip("this checkout is closed to other users")
    with tempfile.TemporaryDirectory(prefix="ops-user-") as folder:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        code = f"{START}; stop(Path(sys.argv[1])); print('stopped')"
        command = [interpreter, *python(code, Path(folder) / "server")[1:]]
        done = subprocess.run(
            command, user="nobody", capture_output=True, text=True, cwd="/", check=False
        )
        assert done.stdout.split()[::2] == ["True", "stopped"], done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root needs another account")
def test_root_becomes_nobody_where_user_namespaces_are_forbidden(tmp_path: Path) -> None:
    # In a chroot the kernel refuses user namespaces. Everything lies in folders that are closed to
    # `nobody`, so that the programs have to be copied and the data have to live elsewhere.
    wheel = find_programs().bin.parents[1]
    for source in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        (tmp_path / source.name).symlink_to(source)
    directory, other_root = tmp_path / "server", tmp_path / "root"
    directory.mkdir()
    other_root.mkdir()
    code = """
d = Path(sys.argv[1])
s = start(d, fast_unsafe=True, postgres_bin=Path(sys.argv[2]))
import os, psycopg
print(os.stat(f"/proc/{s.pid}").st_uid)
print(psycopg.connect(s.url).execute("select 'alive'").fetchone()[0])
stop(d)
s = start(d, fast_unsafe=True, postgres_bin=Path(sys.argv[2]))
stop(d)
print("again", s.started)
"""
    mount = 'mount -t tmpfs none /var/lib && mount --rbind / "$1"'
    script = f'{mount} && cd "$1" && shift && exec chroot . "$@"'
    isolated = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"]).returncode:
        pytest.skip("this machine allows no mount namespace")
    programs = tmp_path / wheel.name / "pginstall" / "bin"
    done = subprocess.run(
        [*isolated, str(other_root), *python(code, directory, programs)],
        capture_output=True,
        text=True,
        check=False,
    )
    nobody = pwd.getpwnam("nobody").pw_uid
    assert done.stdout.splitlines() == [str(nobody), "alive", "again True"], done.stderr
