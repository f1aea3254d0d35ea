"""`ops doctor`: what is wrong here, and how to fix it."""

from __future__ import annotations

import dataclasses

import click

from app.cli import exits
from app.cli.checks import examine
from app.cli.invocation import current, json_option, url_option
from app.cli.output import emit, emit_json

_MARKS = {
    "ok": ("✓", "green"),
    "problem": ("✗", "red"),
    "warning": ("!", "yellow"),
    "skipped": ("-", "dim"),
}


@click.command()
@click.option("--audit", is_flag=True, help="Hold the whole history against its invariants, too.")
@json_option
@url_option
@click.pass_context
def doctor_command(context: click.Context, audit: bool) -> None:
    """Check everything in order; name what is wrong and the command that repairs it."""
    as_json = current().as_json
    findings = []
    for finding in examine(with_audit=audit):
        findings.append(finding)
        if not as_json:
            emit(_MARKS[finding.state], f" {finding.check:<13} {finding.detail}")
            if finding.fix and finding.state != "ok":
                emit("  ", ("fix:".ljust(14), "bold"), finding.fix)
    problems = sum(finding.state == "problem" for finding in findings)
    warnings = sum(finding.state == "warning" for finding in findings)
    if as_json:
        emit_json(
            {
                "healthy": not problems,
                "problems": problems,
                "warnings": warnings,
                "findings": [dataclasses.asdict(finding) for finding in findings],
            }
        )
    else:
        emit()
        emit(f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}")
    context.exit(exits.DOCTOR if problems else 0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
