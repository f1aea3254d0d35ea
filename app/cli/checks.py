"""The checks of `ops doctor`, in the order in which their causes lie.

Each returns findings: what was found, and the command that repairs it. A check whose ground is
missing is skipped, for its finding would only repeat the one before.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.cli.chosen import load_address, load_settings, variables
from app.cli.client import API, Client, Refused
from app.cli.database import connected
from app.cli.exits import CommandError
from app.cli.invocation import current
from app.cli.local import ROOT
from app.cli.made_secrets import make_secret
from config import SETTINGS, Process
from config.loader import find_problems, load_layers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config import Settings

State = Literal["ok", "problem", "warning", "skipped"]
_OLDEST_SERVER = 140_000
_SKEW_SECONDS = 2.0
_TIMEOUT_SECONDS = 10.0
_SET_IT = "set it in the environment or in .env, which `ops init` makes"
# What a flag needs beside itself.
_NEEDED_BY_FLAG = {
    "RUNNER_ENABLED": ("RUNNER_URL", "RUNNER_TOKEN_OUTBOUND"),
    "JOBS_ENABLED": ("CRON_SECRET",),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `fix` is the command or the change that repairs it."""

    check: str
    state: State
    detail: str
    fix: str | None = None


def examine() -> Iterator[Finding]:
    """Yield the findings of every check, in order."""
    yield from check_settings()
    yield from check_env_file(ROOT / ".env")
    yield from check_flags()
    yield from check_database()
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


def check_flags() -> Iterator[Finding]:
    """A flag that is on has the secrets it needs."""
    layers = load_layers(variables())
    missing = [
        (flag, needed)
        for flag, names in _NEEDED_BY_FLAG.items()
        for needed in names
        if layers.get(flag) is True and not layers.get(needed)
    ]
    for flag, needed in missing:
        yield Finding("flags", "problem", f"{flag} is on but {needed} is not set", _SET_IT)
    if not missing:
        on = [s.variable for s in SETTINGS if s.flag and layers.get(s.variable) is True]
        yield Finding("flags", "ok", f"on: {', '.join(on) or 'none'}")


def check_database() -> Iterator[Finding]:
    """The database answers, is new enough, takes writes, has the schema, and agrees on the time."""
    try:
        settings = load_settings("database")
    except CommandError:
        yield Finding("database", "skipped", "its settings are wrong")
        return
    try:
        with connected(settings) as connection:
            yield from _check_server(connection)
            if (yield from _check_schema(connection, settings)):
                yield from _check_runners_seen(connection, settings)
    except CommandError as error:
        yield Finding("database", "problem", error.message, error.hint)


def _check_server(connection: Connection) -> Iterator[Finding]:
    from sqlalchemy import text

    started = time.monotonic()
    row = connection.execute(
        text(
            "select current_setting('server_version') as version,"
            " current_setting('server_version_num')::int as number,"
            " current_setting('transaction_read_only')::bool as is_read_only,"
            " has_schema_privilege(current_schema(), 'create') as may_create,"
            " extract(epoch from clock_timestamp())::float8 as clock"
        )
    ).one()
    took = time.monotonic() - started
    skew = row.clock - time.time()
    version = f"PostgreSQL {row.version.split()[0]}"
    if row.number < _OLDEST_SERVER:
        yield Finding("database", "problem", f"{version} is too old", "use PostgreSQL 14 or newer")
    elif row.is_read_only:
        yield Finding("database", "problem", f"{version} takes no writes", "connect to the primary")
    else:
        yield Finding("database", "ok", f"{version}, answers in {took * 1000:.0f} ms")
    if not row.may_create:
        yield Finding(
            "database", "warning", "this user may not create tables",
            "grant create on schema public to the user of DATABASE_URL_DIRECT",
        )  # fmt: skip
    if abs(skew) > _SKEW_SECONDS:
        yield Finding(
            "clock", "warning", f"the database's clock is {skew:+.1f} s from this machine's",
            "synchronise the clocks (NTP); due times follow the database's",
        )  # fmt: skip
    else:
        yield Finding("clock", "ok", f"{abs(skew) * 1000:.0f} ms from the database's")


def _check_schema(connection: Connection, settings: Settings) -> Generator[Finding, None, bool]:
    """Return whether the tables are there to be asked further questions."""
    from app.db.schema import expected_heads, found_heads

    missing = expected_heads(settings.features) - found_heads(connection)
    if missing:
        detail = f"the database lacks {', '.join(sorted(missing))}"
        yield Finding("migrations", "problem", detail, "ops db upgrade")
        return False
    yield Finding("migrations", "ok", "the schema is current")
    return True


def _check_runners_seen(connection: Connection, settings: Settings) -> Iterator[Finding]:
    from app.cli.times import length
    from app.jobs import runner_state

    state = runner_state(connection, lease_seconds=settings.runner_lease_seconds)
    if state.last_seen_seconds is None:
        yield Finding("runners", "problem", "no runner was ever seen", "ops runner")
    elif state.holding_silent:
        yield Finding(
            "runners", "problem", "a runner that holds jobs has fallen silent", "ops runner"
        )
    elif state.runners == 0:
        seen = length(state.last_seen_seconds)
        yield Finding("runners", "problem", f"none runs; the last left {seen} ago", "ops runner")
    else:
        seen = length(state.last_seen_seconds)
        yield Finding("runners", "ok", f"{state.runners} started, last sign of life {seen} ago")


def check_api() -> Iterator[Finding]:
    """The control plane answers with the key, and refuses another one."""
    from app.version import VERSION

    try:
        url, key = load_address(current().url)
        client = Client(url, key, timeout_seconds=_TIMEOUT_SECONDS)
        with closing(client):
            started = time.monotonic()
            client.get(f"{API}/jobs", {"limit": 1})
            took = time.monotonic() - started
            version = client.get("/version").body["version"]
    except CommandError as error:
        yield Finding("api", "problem", error.message, error.hint)
        return
    yield Finding("api", "ok", f"{url} answers in {took * 1000:.0f} ms, version {version}")
    if version != VERSION:
        yield Finding("api", "warning", f"this machine has version {VERSION}", "deploy the same")
    stranger = Client(url, make_secret(), timeout_seconds=_TIMEOUT_SECONDS)
    try:
        with closing(stranger):
            stranger.get(f"{API}/jobs")
    except Refused as refused:
        if refused.status == 401:
            yield Finding("api key", "ok", "a wrong key is refused")
            return
    yield Finding("api key", "problem", "a wrong key was not refused", "check what serves OPS_URL")


def check_runner() -> Iterator[Finding]:
    """The runner's listener takes the token, and refuses another one."""
    from app.web.wake import send_wake

    layers = load_layers(variables())
    url, token = layers.get("RUNNER_URL"), layers.get("RUNNER_TOKEN_OUTBOUND")
    if not url or not token:
        yield Finding("listener", "skipped", "RUNNER_URL or RUNNER_TOKEN_OUTBOUND is not set")
        return
    status = send_wake(url, token, timeout_seconds=_TIMEOUT_SECONDS).status
    if status == "unauthorized":
        yield Finding(
            "listener", "problem", "the runner refuses RUNNER_TOKEN_OUTBOUND",
            "give it the value of the runner's RUNNER_TOKEN",
        )  # fmt: skip
        return
    if status != "accepted":
        yield Finding("listener", "problem", f"a wake-up was not taken: {status}", "ops runner")
        return
    yield Finding("listener", "ok", "a wake-up is taken")
    if send_wake(url, make_secret(), timeout_seconds=_TIMEOUT_SECONDS).status == "unauthorized":
        yield Finding("runner token", "ok", "a wrong token is refused")
    else:
        yield Finding(
            "runner token", "problem", "a wrong token was not refused",
            "check what serves RUNNER_URL",
        )  # fmt: skip
