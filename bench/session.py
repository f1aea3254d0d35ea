"""One run of the bench: the server, who takes part, and how a scenario measures its cases."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench import machine
from bench.contenders import Contender, System
from bench.environments import CannotInstall, python_of
from bench.remote import FOLDER, AdapterFailed, Remote
from bench.server import Database, Server
from bench.sizes import Sizes

LOGS = FOLDER / "logs"
INSTALL_SECONDS = 120.0

FAILURES = (
    AdapterFailed,
    OSError,
    http.client.HTTPException,
    psycopg.Error,
    subprocess.SubprocessError,
)
"""What ends a case, and not the bench."""

Run = dict[str, Any]
"""One case in one repeat: who, with what, and what was measured or why it failed."""


@dataclass(frozen=True, slots=True)
class Case:
    """A contender, and what is varied beside it; the parameters are part of the result."""

    contender: Contender
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [f"{name} {value}" for name, value in self.parameters.items()]
        return ", ".join([self.contender.label, *words])


class Session:
    """Everything that the scenarios share."""

    def __init__(
        self,
        server: Server,
        sizes: Sizes,
        *,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self.server = server
        self.sizes = sizes
        self.say = say
        self.skipped: dict[str, str] = {}
        self._environment = environment
        self._pythons: dict[str, Path] = {}
        self._systems: dict[str, System] = {}
        LOGS.mkdir(parents=True, exist_ok=True)
        for log in LOGS.iterdir():
            log.unlink()  # of an earlier run; a control plane writes a line for each request

    def prepare(self, system: System) -> None:
        """Install a system and make the template of its databases; leave it out if it cannot be."""
        self.say(f"preparing {system.label}")
        try:
            self._pythons[system.name] = python_of(system)
            template = self.server.make(self.template(system))
            contender = Contender(system.name, system.label, system, {"profile": "default"})
            with self.adapter(contender, template) as adapter:
                adapter.call("install", timeout_seconds=INSTALL_SECONDS)
        except (CannotInstall, AdapterFailed) as error:
            self.skipped[system.name] = str(error)
            self.say(f"  without {system.label}: {error}")
            return
        self._systems[system.name] = system

    @property
    def peers(self) -> list[System]:
        return [system for system in self._systems.values() if system.is_peer]

    @property
    def enduring_peers(self) -> list[System]:
        """The peers in the long scenarios."""
        return self.peers if self.sizes.peers_at_length else []

    def has(self, name: str) -> bool:
        """Say whether a system takes part."""
        return name in self._systems

    def system(self, name: str) -> System:
        return self._systems[name]

    def template(self, system: System) -> str:
        """Return the name of the database that those of a system are copies of."""
        return f"bench_{system.name}"

    def jobs_for(self, system: System, wanted: int) -> int:
        """Return how many jobs a system is given where the fast ones are given `wanted`."""
        return min(wanted, max(1, system.jobs // self.sizes.divisor))

    @contextlib.contextmanager
    def database(self, system: System, *, template: str | None = None) -> Iterator[Database]:
        """Make a database of the system for the length of the block."""
        database = self.server.make(
            f"bench_run_{system.name}", template=template or self.template(system)
        )
        try:
            yield database
        finally:
            self.server.drop(database.name)

    @contextlib.contextmanager
    def adapter(self, contender: Contender, database: Database, **options: Any) -> Iterator[Remote]:
        """Run an adapter for the length of the block."""
        remote = Remote(
            self._pythons[contender.system.name],
            contender.system.name,
            database.url,
            {**contender.options, **options, "environment": dict(self._environment)},
            environment=self._environment,
            log=LOGS / f"{contender.system.name}.log",
        )
        try:
            yield remote
        finally:
            remote.stop()

    def measure(
        self,
        cases: Sequence[Case],
        take: Callable[[Case], Run],
        *,
        repeats: int | None = None,
    ) -> list[Run]:
        """Measure every case in turn, then all of them again; a case that failed is not repeated.

        So a noisy minute of the machine falls on all contenders alike.
        """
        runs: list[Run] = []
        failed: set[str] = set()
        total = self.sizes.repeats if repeats is None else repeats
        for repeat in range(total):
            for case in cases:
                if str(case) in failed:
                    continue
                run = self._take(case, take, repeat=repeat)
                if "failed" in run:
                    failed.add(str(case))
                runs.append(run)
                self.say(f"  {repeat + 1}/{total} {case}: {_gist(run)}")
        return runs

    def _take(self, case: Case, take: Callable[[Case], Run], *, repeat: int) -> Run:
        about = {"repeat": repeat, "load": machine.load()}
        try:
            return named(case) | about | take(case)
        except FAILURES as error:
            return failed(case, error) | about


def named(case: Case) -> Run:
    """Return the part of a run that says whose it is."""
    return {
        "contender": case.contender.name,
        "label": case.contender.label,
        **case.parameters,
    }


def failed(case: Case, error: Exception) -> Run:
    """Return the run of a case that could not be measured."""
    return named(case) | {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}


def _gist(run: Run) -> str:
    """Return the first measure of a run, for the person who watches."""
    if "failed" in run:
        return str(run["failed"])
    for name in ("jobs_per_second", "p50", "statements"):
        if name in run:
            return f"{name} {run[name]:,.1f}"
    return "done"
