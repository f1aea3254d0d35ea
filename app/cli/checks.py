"""The checks of `ops doctor`, in the order in which their causes lie.

Each returns findings: what was found, and the command that repairs it. A check whose ground is
missing is skipped, for its finding would only repeat the one before.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from app.cli.chosen import variables
from app.cli.database_checks import check_database, check_history
from app.cli.finding import Finding
from app.cli.flags import find_lacks
from app.cli.local import ROOT
from app.cli.service_checks import check_api, check_runner
from config import SETTINGS, Process
from config.loader import find_problems, load_layers

_SET_IT = "set it in the environment or in .env, which `ops init` makes"


def examine(*, with_audit: bool = False) -> Iterator[Finding]:
    """Yield the findings of every check, in order; the audit reads the whole history."""
    yield from check_settings()
    yield from check_env_file(ROOT / ".env")
    yield account_finding(os.geteuid())
    yield from check_flags()
    yield from check_database()
    if with_audit:
        yield from check_history()
    yield from check_api()
    yield from check_runner()


def check_settings() -> Iterator[Finding]:
    """Every setting of both processes is valid."""
    problems: dict[str, None] = {}
    processes: tuple[Process, ...] = ("control_plane", "runner")
    for process in processes:
        problems |= dict.fromkeys(find_problems(process, load_layers(variables())))
    for problem in problems:
        yield Finding("settings", "problem", problem, _SET_IT)
    if not problems:
        app_env = load_layers(variables()).get("APP_ENV")
        yield Finding("settings", "ok", f"{len(SETTINGS)} settings are valid, APP_ENV is {app_env}")


def check_env_file(path: Path) -> Iterator[Finding]:
    """Nobody else may read `.env`."""
    if not path.exists():
        yield Finding(".env", "ok", "there is none; settings come from the environment")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(".env", "problem", f"others may read it (mode {mode:o})", f"chmod 600 {path}")
    else:
        yield Finding(".env", "ok", "readable by its owner alone")


def account_finding(user_id: int) -> Finding:
    """A handler in a process slot may do what the account may that the runner was started by."""
    if user_id == 0:
        return Finding(
            "account", "warning", "this is root: in process slots handlers could read everything",
            "run the runner by an account of its own (docs/how-to/deploy-runner.md)",
        )  # fmt: skip
    return Finding("account", "ok", "it is not root that handlers would run as")


def check_flags() -> Iterator[Finding]:
    """A flag that is on has the secrets it needs."""
    layers = load_layers(variables())
    lacks = find_lacks(lambda flag: layers.get(flag) is True, lambda name: bool(layers.get(name)))
    for flag, needed in lacks:
        yield Finding("flags", "problem", f"{flag} is on but {needed} is not set", _SET_IT)
    if not lacks:
        on = [s.variable for s in SETTINGS if s.flag and layers.get(s.variable) is True]
        yield Finding("flags", "ok", f"on: {', '.join(on) or 'none'}")
