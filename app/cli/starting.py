"""Starts a stack, a line for each step, with settings of its own for what was not given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.cli import exits
from app.cli.chosen import given, is_local, load_settings
from app.cli.exits import CommandError
from app.cli.local import alone_in, published, shown
from app.cli.made_secrets import keep
from app.cli.stack import HOST, Stack
from app.cli.steps import step

_RUNNER_PORT = 8010


def start(stack: Stack, port: int) -> str:
    """Start everything, a line for each step; return the address of the control plane."""
    if stack.variables["APP_ENV"].startswith("prod"):
        load_settings("control_plane", stack.variables)  # no database of our own in production
    with step("PostgreSQL") as running:
        running.detail = stack.start_database()
    settings = load_settings("runner", stack.variables)
    load_settings("control_plane", stack.variables)
    with step("schema") as running:
        stack.migrate()
        running.detail = "current"
    with step("control plane") as running:
        running.detail = url = stack.start_control_plane(port)
    with step("runner") as running:
        running.detail = stack.start_runner(settings.runner_port, settings.runner_drain_seconds)
    return url


def stack_variables(
    folder: Path, *, port: int, runner_port: int | None, overrides: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of the processes: what was given, and a value for what was not."""
    mine = given()
    variables = {
        "APP_ENV": "development",
        "RUNNER_PORT": str(_RUNNER_PORT),
        "RUNNER_HOST": HOST,
        **mine,
        **keep(folder, mine),
        "OPS_URL": f"http://{HOST}:{port}",
        **(overrides or {}),
    }
    if runner_port is not None:
        variables["RUNNER_PORT"] = str(runner_port)
    own_runner = f"http://{HOST}:{variables['RUNNER_PORT']}"
    # A port said on the command line beats an address of this machine in .env, and no other.
    if runner_port is not None and is_local(variables.get("RUNNER_URL", own_runner)):
        variables["RUNNER_URL"] = own_runner
    variables.setdefault("RUNNER_URL", own_runner)
    return variables


@contextmanager
def held(folder: Path) -> Iterator[Path]:
    """Hold the folder, or say who does."""
    with ExitStack() as held_folder:
        try:
            held_folder.enter_context(alone_in(folder))
        except OSError as error:
            raise _not_held(folder, error) from None
        yield folder


def _not_held(folder: Path, error: OSError) -> CommandError:
    if isinstance(error, BlockingIOError):
        url = published(folder).get("OPS_URL")
        return CommandError(
            f"It runs already{f', at {url}' if url else ''} (folder {shown(folder)}).",
            exit_code=exits.CONFLICT,
            hint="a second one needs its own --data folder and ports",
        )
    return CommandError(
        f"The folder {shown(folder)} cannot be used: {error.strerror}.",
        hint="choose another one with --data",
    )
