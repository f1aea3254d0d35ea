"""`ops up`: the whole platform on this machine, until Ctrl-C."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from app.cli.client import API
from app.cli.curl import curl_line
from app.cli.local import RUN_FOLDER, publish, shown
from app.cli.made_secrets import SECRETS_FILE
from app.cli.output import emit, json_text
from app.cli.ports import require_free
from app.cli.stack import Stack, StopRequested
from app.cli.starting import held, stack_variables, start
from app.cli.stopping import StopRequest
from config import SETTINGS

_PORT = 8000
_WATCH_SECONDS = 0.5
_FIRST_JOB = "captorator_compose"
_FIRST_PAYLOAD = {
    "profile": "city_guide",
    "city": "Lisbon",
    "category": "cafe",
    "details": ["Opens at six"],
}
_PORTS = click.IntRange(1, 65535)


@click.command()
@click.option("--port", type=_PORTS, default=_PORT, show_default=True, help="Control plane.")
@click.option("--runner-port", type=_PORTS, help="The runner's listener [RUNNER_PORT or 8010].")
@click.option(
    "--data", "folder", type=click.Path(file_okay=False, path_type=Path), default=RUN_FOLDER,
    help="The folder of database, logs and secrets [.ops].",
)  # fmt: skip
def up_command(port: int, runner_port: int | None, folder: Path) -> None:
    """Start PostgreSQL, the control plane and the runner here, until Ctrl-C.

    DATABASE_URL set: that database is used and none is started. Settings come from the environment
    and .env; missing secrets are made, and kept in the folder.
    """
    started_at = time.monotonic()
    with StopRequest() as stop, held(folder.resolve()) as folder:
        variables = stack_variables(folder, port=port, runner_port=runner_port)
        require_free(port, purpose="the control plane", option="--port")
        if variables["RUNNER_PORT"].isdigit():  # else the settings are wrong, and will say so
            taken = int(variables["RUNNER_PORT"])
            require_free(taken, purpose="the runner", option="--runner-port")
        stack = Stack(folder, variables, stop)
        try:
            emit(("Starting", "bold"), f" in {shown(folder)}")
            url = start(stack, port)
            publish(folder, _settings_of(stack.variables))
            emit()
            emit((f"Ready in {time.monotonic() - started_at:.1f} s.", "bold"), " Ctrl-C stops.")
            _say_how_to_go_on(url, folder)
            while not stop.wait(_WATCH_SECONDS):
                stack.check()
        except StopRequested:
            pass
        finally:
            (folder / "up.json").unlink(missing_ok=True)
            if stack.children:
                emit()
                emit(("Stopping", "bold"), "; a second Ctrl-C does not wait")
            stack.stop()


def _settings_of(variables: Mapping[str, str]) -> dict[str, str]:
    return {s.variable: variables[s.variable] for s in SETTINGS if variables.get(s.variable)}


def _say_how_to_go_on(url: str, folder: Path) -> None:
    is_default = folder == RUN_FOLDER
    load_key = "export OPS_API_KEY=$(./ops config get OPS_API_KEY)"
    ops = "./ops" if is_default else f"./ops --url {url}"
    pairs = " ".join(f"-p {name}={shlex.quote(text)}" for name, text in _words(_FIRST_PAYLOAD))
    body = json_text({"job_type": _FIRST_JOB, "payload": _FIRST_PAYLOAD})
    headers = {"Content-Type": "application/json"}
    emit()
    emit("The first job, in another terminal:")
    emit("  ", load_key if is_default else f". {shlex.quote(str(folder / SECRETS_FILE))}")
    emit("  ", curl_line("POST", f"{url}{API}/jobs", body=body, headers=headers))
    emit("The same without curl, and what came of it:")
    emit(f"  {ops} job create {_FIRST_JOB} {pairs} --wait")
    emit(f"  {ops} job list")
    emit()
    emit(f"API    {url}/docs")
    emit(f"Logs   {shown(folder / 'logs')}")


def _words(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(k, v if isinstance(v, str) else json_text(v)) for k, v in payload.items()]
