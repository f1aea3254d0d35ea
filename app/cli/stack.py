"""The processes of the whole platform on this machine, started in order and stopped in reverse.

PostgreSQL (unless DATABASE_URL is set), the schema, the control plane, the runner. Every exit path
stops them; should this process be killed, the kernel and `embedded` do.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import urllib3

from app.cli.children import Child
from app.cli.exits import CommandError
from app.cli.local import ROOT, shown
from app.cli.steps import step
from app.cli.stopping import StopRequest

HOST = "127.0.0.1"
_READY_SECONDS = 60
_POLL_SECONDS = 0.05
_CONTROL_PLANE_GRACE = 20.0
_RUNNER_GRACE = 20.0  # beyond its own drain
_DATABASE_GRACE = 40.0


class StopRequested(Exception):
    """A signal came while something was starting."""


class Stack:
    """One platform: its folder, its variables, its processes."""

    def __init__(self, folder: Path, variables: Mapping[str, str], stop: StopRequest) -> None:
        self.folder = folder
        self.variables = dict(variables)
        self.stop_request = stop
        self.children: list[Child] = []
        self._exits = ExitStack()
        (folder / "logs").mkdir(parents=True, exist_ok=True)

    def start_database(self) -> str:
        """Start the embedded PostgreSQL unless a database is given; say which one it is."""
        if self.variables.get("DATABASE_URL"):
            return "the one of DATABASE_URL"
        log = self._log("database")
        with open(log, "ab") as errors:
            holder = subprocess.Popen(
                [sys.executable, "-m", "app.cli.embedded", str(self.folder / "data"),
                 self.variables.get("POSTGRES_BIN", "")],
                cwd=ROOT,
                env=self.variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )  # fmt: skip
        self._exits.callback(self._stop_database, holder)
        while holder.stdout and not select.select([holder.stdout], [], [], 0)[0]:
            self._wait(_POLL_SECONDS)
        found = json.loads(holder.stdout.readline() or "{}") if holder.stdout else {}
        if "url" not in found:
            raise CommandError(found.get("error") or f"PostgreSQL did not start; see {shown(log)}.")
        self.variables["DATABASE_URL"] = found["url"]
        return f"embedded, in {shown(self.folder / 'data')}"

    def migrate(self) -> None:
        """Bring the schema to its newest revision."""
        child = Child(
            "schema", ["-m", "app.cli", "db", "upgrade"],
            variables=self.variables, log=self._log("schema"),
        )  # fmt: skip
        self._exits.callback(child.kill)
        while child.exit_code is None:
            self._wait(_POLL_SECONDS)
        if child.exit_code != 0:
            raise died(child, "The schema could not be upgraded")

    def start_control_plane(self, port: int) -> str:
        """Start the control plane and wait until it answers; return its address."""
        arguments = ["-m", "app.cli", "serve", "--port", str(port), "--workers", "1"]
        child = self._start("control plane", arguments, "control_plane", _CONTROL_PLANE_GRACE)
        url = f"http://{HOST}:{port}"
        self._wait_until_ready(child, f"{url}/readyz")
        return url

    def start_runner(self, port: int, drain_seconds: float) -> str:
        """Start the runner and wait until its listener answers; return its address."""
        child = self._start("runner", ["-m", "worker"], "runner", drain_seconds + _RUNNER_GRACE)
        url = f"http://{HOST}:{port}"
        token = {"X-Runner-Token": self.variables["RUNNER_TOKEN"]}
        self._wait_until_ready(child, f"{url}/readyz", headers=token)
        return url

    def check(self) -> None:
        """Raise CommandError where a process has ended by itself."""
        for child in self.children:
            if child.exit_code is not None:
                raise died(child, f"The {child.name} ended")

    def stop(self) -> None:
        """Stop all: the runner drains, then the control plane, then PostgreSQL."""
        self._exits.close()

    def _start(self, name: str, arguments: list[str], log: str, grace_seconds: float) -> Child:
        child = Child(name, arguments, variables=self.variables, log=self._log(log))
        self.children.append(child)
        self._exits.callback(self._stop_child, child, grace_seconds)
        return child

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def _wait(self, seconds: float) -> None:
        if self.stop_request.wait(seconds):
            raise StopRequested

    def _wait_until_ready(
        self, child: Child, url: str, headers: Mapping[str, str] | None = None
    ) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not _is_ready(url, headers):
            self.check()
            if time.monotonic() > deadline:
                raise died(child, f"The {child.name} was not ready within {_READY_SECONDS} s")
            self._wait(_POLL_SECONDS)

    def _stop_child(self, child: Child, grace_seconds: float) -> None:
        with step(child.name) as stopping:
            obeyed = child.stop(grace_seconds, is_urgent=lambda: self.stop_request.is_urgent)
            stopping.detail = "stopped" if obeyed else "killed: it did not stop in time"

    def _stop_database(self, holder: subprocess.Popen[bytes]) -> None:
        """Let go of PostgreSQL: its holder stops it when nobody else uses it."""
        with step("PostgreSQL") as stopping:
            try:
                holder.communicate(timeout=_DATABASE_GRACE)  # closes its standard input
                stopping.detail = "stopped"
            except subprocess.TimeoutExpired:
                holder.kill()
                holder.communicate()
                stopping.detail = "killed: it did not stop in time"


def _is_ready(url: str, headers: Mapping[str, str] | None) -> bool:
    # A pool of its own for each request: a connection left open would hold up a later stop.
    with urllib3.PoolManager(retries=False, timeout=2) as pool:
        try:
            return pool.request("GET", url, headers=headers).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def died(child: Child, what: str) -> CommandError:
    """Return the error of a process that ended or does not work, with the end of its log."""
    code = "" if child.exit_code is None else f" (exit code {child.exit_code})"
    words = "".join(f"\n  {line}" for line in child.last_words())
    return CommandError(f"{what}{code}. The end of {shown(child.log)}:{words}")
