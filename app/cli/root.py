"""The root of `ops`: the shared options and the table of commands, nothing heavier."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from app.cli import exits
from app.cli.commands import SECTIONS
from app.cli.invocation import (
    Invocation,
    color_option,
    curl_option,
    json_option,
    timeout_option,
    url_option,
    verbose_option,
)
from app.cli.lazy import LazyGroup
from app.version import VERSION

PROGRAM = "ops"


class Root(LazyGroup):
    """The root group; errors are shown while the shared options are still known."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except exits.CommandError as error:
            error.show()
            return error.exit_code


@click.group(
    cls=Root,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 auth, 5 conflict, "
    "6 unreachable or timeout, 7 job failed, 8 job cancelled, 9 doctor found problems.",
)
@click.version_option(VERSION, prog_name=PROGRAM)
@url_option
@json_option
@curl_option
@timeout_option
@color_option
@verbose_option
@click.pass_context
def root(context: click.Context) -> None:
    """Run jobs from a serverless web tier on a machine that you own.

    New here? `ops demo` shows everything at work; `ops up` starts it and stays.
    """
    context.ensure_object(Invocation)


def main(args: list[str] | None = None) -> int:
    """Run `ops` and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        outcome = root.main(args, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return exits.INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough; nothing more may be flushed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.ERROR
    return outcome if isinstance(outcome, int) else 0
