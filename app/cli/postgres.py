"""A PostgreSQL server of our own in a folder: loopback only, password, shared by its users.

Nothing here trusts a process id. A running server holds a lock that the kernel drops with its last
process; starting and stopping are serialised by a second lock; a third counts the users.

    lock         held while somebody starts or stops the server
    users        locked, shared, by everyone who uses it: the last one out stops it
    pg18/        everything of one major version, renamed into place when complete
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from app.cli.postgres_account import Seat, choose_seat, homes
from app.cli.postgres_programs import PostgresError, find_programs

HOST = "127.0.0.1"
NAME = "ops"  # of the superuser and of the database
READY_SECONDS = 60.0  # includes the recovery of a killed server
STOPS = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 10.0))  # fast, then immediate
SPAWNS = 3  # another process may take the port between the choice and the start
POLL_SECONDS = 0.01
TAIL_LINES = 15

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
FAST_UNSAFE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `started` says whether this call started it."""

    url: str = field(repr=False)
    port: int
    pid: int
    started: bool


@contextlib.contextmanager
def running(
    directory: Path,
    *,
    fast_unsafe: bool = False,
    settings: Mapping[str, str] | None = None,
    postgres_bin: Path | None = None,
) -> Iterator[Server]:
    """Use the server of this directory, started if need be; the last user to leave stops it."""
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "users", "w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # before the start: nobody else may stop it from here on
        try:
            yield start(
                directory, fast_unsafe=fast_unsafe, settings=settings, postgres_bin=postgres_bin
            )
        finally:
            with _starting_or_stopping(directory), contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _stop(directory)


def start(
    directory: Path,
    *,
    fast_unsafe: bool = False,
    settings: Mapping[str, str] | None = None,
    postgres_bin: Path | None = None,
) -> Server:
    """Return the server of this directory, started if it does not run; it stays up until `stop`.

    `fast_unsafe` gives up durability, for tests. It and `settings` have no effect on a server that
    already runs. The port and the password are kept, so that a restarted server has the same URL.
    Raises PostgresError with the reason, the end of the log included.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with _starting_or_stopping(directory) as lock:
        seat = choose_seat(directory, find_programs(postgres_bin))
        cluster = seat.home / f"pg{seat.programs.major}"
        if not cluster.exists():
            _refuse_other_major(seat.home, seat.programs.major)
            _make_cluster(seat, cluster, lock, fast_unsafe=fast_unsafe)
        if server := _wait_until_ready(cluster, started=False):
            return server
        chosen = {**SETTINGS, **(FAST_UNSAFE if fast_unsafe else {}), **(settings or {})}
        for _ in range(SPAWNS):
            _spawn(seat, cluster, chosen)
            if server := _wait_until_ready(cluster, started=True):
                return server
            (cluster / "port").unlink()
        raise PostgresError(_with_log("PostgreSQL ended while it was starting.", cluster))


def stop(directory: Path) -> None:
    """Stop the server of this directory, whoever uses it; do nothing when none runs."""
    directory = directory.resolve()
    if directory.exists():
        with _starting_or_stopping(directory):
            _stop(directory)


@contextlib.contextmanager
def _starting_or_stopping(directory: Path) -> Iterator[IO[str]]:
    with open(directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def _refuse_other_major(home: Path, major: int) -> None:
    for other in sorted(home.glob("pg??")):
        raise PostgresError(
            f"The data in {other} were made by PostgreSQL {other.name[2:]}, and the programs here "
            f"are PostgreSQL {major}. Set PG_BIN to the programs of PostgreSQL {other.name[2:]}, "
            f"move the data with pg_upgrade, or delete the folder to start empty."
        )


def _make_cluster(seat: Seat, cluster: Path, lock: IO[str], *, fast_unsafe: bool) -> None:
    """Build the cluster under another name and rename it: it is complete or it is not there."""
    new = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    password = new / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    seat.own(new)
    data = str(new / "data")
    options = [f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"]
    if seat.programs.major >= 17:  # the one locale that is the same on every platform
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if fast_unsafe:
        options += ["--no-sync"]
    _run(seat.command("initdb", "-D", data, "-U", NAME, *options), lock)
    _run(
        seat.command("postgres", "--single", "-D", data, "template1"),
        lock,
        statement=f"create database {NAME}\n",
    )
    new.rename(cluster)


def _run(command: list[str], lock: IO[str], statement: str = "") -> None:
    # The child keeps the lock: a new starter waits even for the orphan of a killed one.
    done = subprocess.run(
        command,
        input=statement,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=[lock.fileno()],
        start_new_session=True,
        check=False,
    )
    if done.returncode != 0:
        raise PostgresError(f"PostgreSQL could not make its data folder.\n{done.stdout.strip()}")


def _spawn(seat: Seat, cluster: Path, settings: Mapping[str, str]) -> None:
    # No process of an earlier server is left, or its lock would be held: what its postmaster.pid
    # says is stale, even when that number lives on as a zombie or as somebody else's process.
    data = cluster / "data"
    (data / "postmaster.pid").unlink(missing_ok=True)
    seat.own(cluster)
    log = cluster / "postgres.log"
    if log.exists():
        log.replace(cluster / "postgres.log.1")
    arguments = ["-D", str(data), "-p", str(_free_port(cluster / "port"))]
    for name, value in settings.items():
        arguments += ["-c", f"{name}={value}"]
    detach = [cluster / "running", log]
    subprocess.run(seat.command("postgres", *arguments, detach=detach), check=True)


def _free_port(remembered: Path) -> int:
    """Return the port of the last time if it is still free, else another; remember it."""
    wanted = int(remembered.read_text()) if remembered.exists() else 0
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            found: int = probe.getsockname()[1]
            remembered.write_text(str(found))
            return found
    raise PostgresError(f"No free port on {HOST}.")


def _wait_until_ready(cluster: Path, *, started: bool) -> Server | None:
    """Return the server as soon as it accepts, or None as soon as no process of it is left."""
    accepting: list[Server] = []

    def is_settled() -> bool:
        if not _is_running(cluster):
            return True
        if server := _accepting(cluster, started=started):
            accepting.append(server)
        return bool(accepting)

    if not _wait(is_settled, READY_SECONDS):
        message = f"PostgreSQL was not ready within {READY_SECONDS:.0f} s."
        raise PostgresError(_with_log(message, cluster))
    return accepting[0] if accepting else None


def _accepting(cluster: Path, *, started: bool) -> Server | None:
    lines = _postmaster_lines(cluster)
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    pid, port = int(lines[0]), int(lines[3])
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return None
    password = (cluster / "password").read_text()
    url = f"postgresql://{NAME}:{password}@{HOST}:{port}/{NAME}"
    return Server(url=url, port=port, pid=pid, started=started)


def _stop(directory: Path) -> None:
    for home in homes(directory):
        for cluster in home.glob("pg??"):
            _stop_cluster(cluster)


def _stop_cluster(cluster: Path) -> None:
    for kind, seconds in STOPS:
        if _is_running(cluster) and (lines := _postmaster_lines(cluster)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(lines[0]), kind)
        if _wait(lambda: not _is_running(cluster), seconds):
            return
    raise PostgresError(_with_log(f"PostgreSQL in {cluster} does not stop.", cluster))


def _postmaster_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "data" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_running(cluster: Path) -> bool:
    """Say whether any process of the server is left."""
    try:
        with open(cluster / "running") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _wait(is_done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _with_log(message: str, cluster: Path) -> str:
    log = cluster / "postgres.log"
    try:
        tail = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    except FileNotFoundError:
        return message
    return "\n".join([message, f"The end of {log}:", *(f"  {line}" for line in tail)])
