"""The exit codes of `ops`, and the error that carries one.

The exit code is the outcome: a script needs nothing else to know how a job ended.
"""

from __future__ import annotations

from typing import IO, Any

import click

from app.cli.output import say

ERROR = 1
USAGE = 2
NOT_FOUND = 3
AUTH = 4
CONFLICT = 5
UNREACHABLE = 6
JOB_FAILED = 7
JOB_CANCELLED = 8
DOCTOR = 9
INTERRUPTED = 130

JOB_OUTCOMES = {"succeeded": 0, "failed": JOB_FAILED, "cancelled": JOB_CANCELLED}


class CommandError(click.ClickException):
    """Say what went wrong and what to do, and end with the exit code that means it."""

    def __init__(self, message: str, *, exit_code: int = ERROR, hint: str | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click has one for each class
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        say(("error: ", "bold red"), self.message)
        if self.hint:
            say(("hint:  ", "bold"), self.hint)
