"""What was asked of `ops` as a whole: the options that every command shares.

They are accepted before and after the name of a command: `ops --json job list` is
`ops job list --json`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Invocation:
    """The shared options of one call of `ops`."""

    url: str | None = None
    as_json: bool = False
    curl: bool = False
    timeout_seconds: float = 30
    no_color: bool = False
    verbose: bool = False


def current() -> Invocation:
    """Return the invocation of the running command; the defaults where there is none."""
    context = click.get_current_context(silent=True)
    return context.ensure_object(Invocation) if context else Invocation()


def _remember(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(ctx.ensure_object(Invocation), field, value)

    return callback


def _shared(*names: str, field: str, **attributes: Any) -> Callable[[Function], Function]:
    return click.option(*names, field, expose_value=False, callback=_remember(field), **attributes)


url_option = _shared(
    "--url", field="url", metavar="URL", help="The control plane [OPS_URL, else the default]."
)
json_option = _shared(
    "--json", field="as_json", is_flag=True, help="Print JSON, and nothing else, on stdout."
)
curl_option = _shared(
    "--curl", field="curl", is_flag=True, help="Print the equivalent curl on stderr."
)
timeout_option = _shared(
    "--timeout",
    field="timeout_seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long to wait for one answer [30].",
)
color_option = _shared("--no-color", field="no_color", is_flag=True, help="Plain text.")
verbose_option = _shared("-v", "--verbose", field="verbose", is_flag=True, help="Say more.")


def client_options(command: Function) -> Function:
    """Add the options of a command that talks to the control plane."""
    for option in (verbose_option, curl_option, json_option, url_option):
        command = option(command)
    return command
