"""`ops config`: what every setting is and where it comes from; no secret unless asked by name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, get_args

import click

from app.cli import exits
from app.cli.chosen import given, variables
from app.cli.exits import CommandError
from app.cli.invocation import current, json_option
from app.cli.output import Part, emit, emit_json, emit_table, say
from config import SETTINGS, Process
from config.loader import find_problems, load_layers, source

HIDDEN = "•••"


@click.group()
def config_group() -> None:
    """Show or check the settings."""


@config_group.command("show")
@click.option("--set", "only_set", is_flag=True, help="Leave out what has its default.")
@json_option
def show_command(only_set: bool) -> None:
    """Show every setting, its value and its source; secrets stay hidden."""
    chosen, mine = variables(), given()
    layers = load_layers(chosen)
    rows = []
    for setting in SETTINGS:
        origin = source(layers, setting)
        if origin == "environment" and setting.variable not in mine:
            origin = "ops up"
        if origin == "default" and only_set:
            continue
        value = layers.get(setting.variable)
        shown = _shown(value, is_secret=setting.secret)
        rows.append((setting, origin, shown))
    if current().as_json:
        emit_json([_document(*row) for row in rows])
        return
    emit_table(
        ("SETTING", "VALUE", "SOURCE", "WHAT IT IS"),
        [(s.variable, _styled(shown), origin, (s.help, "dim")) for s, origin, shown in rows],
        whole=(0, 2),
    )


@config_group.command("check")
@click.option(
    "--for",
    "processes",
    multiple=True,
    type=click.Choice(get_args(Process)),
    help="Only for this process; may be repeated [control_plane and runner].",
)
@json_option
def check_command(processes: tuple[Process, ...]) -> None:
    """Check all settings and name everything that is wrong with them."""
    chosen = variables()
    problems: dict[str, None] = {}
    for process in processes or ("control_plane", "runner"):
        problems |= dict.fromkeys(find_problems(process, load_layers(chosen)))
    if current().as_json:
        emit_json({"valid": not problems, "problems": list(problems)})
    for problem in problems:
        say(("✗ ", "red"), problem)
    if problems:
        count = "1 setting is" if len(problems) == 1 else f"{len(problems)} settings are"
        raise CommandError(f"{count} wrong.", hint="ops config show")
    say(("✓ ", "green"), f"{len(SETTINGS)} settings are valid.")


@config_group.command("get")
@click.argument("name")
def get_command(name: str) -> None:
    """Print the value of one setting, even of a secret.

    export OPS_API_KEY=$(ops config get OPS_API_KEY)
    """
    known = {setting.variable: setting for setting in SETTINGS}
    setting = known.get(name.upper())
    if setting is None:
        near = get_close_matches(name.upper(), known, n=1)
        raise CommandError(
            f"There is no setting {name}.",
            exit_code=exits.NOT_FOUND,
            hint=f"did you mean {near[0]}?" if near else "ops config show",
        )
    value = load_layers(variables()).get(setting.variable)
    if value in ("", []):
        raise CommandError(f"{setting.variable} is not set.", exit_code=exits.NOT_FOUND)
    emit(_words(value))


def _shown(value: Any, *, is_secret: bool) -> str | None:
    """Return what may be shown of a value; None where it is not set."""
    if value in ("", []):
        return None
    return HIDDEN if is_secret else _words(value)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def _styled(shown: str | None) -> Part:
    return ("unset", "dim") if shown is None else shown


def _document(setting: Any, origin: str, shown: str | None) -> dict[str, Any]:
    return {
        "name": setting.variable,
        "value": shown,
        "is_set": shown is not None,
        "is_secret": setting.secret,
        "source": origin,
        "help": setting.help,
    }
