"""`ops` itself: quick help, lazy commands, usage errors."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib import import_module

import click
import pytest

from app.cli import exits
from app.cli.commands import JOB_SECTIONS, SECTIONS, Entry
from app.cli.root import main

HEAVY = {
    "config", "dynaconf", "flask", "gunicorn", "psycopg", "pydantic", "rich", "sqlalchemy",
    "urllib3",
}  # fmt: skip
ENTRIES = [entry for part in (SECTIONS | JOB_SECTIONS).values() for entry in part.values()]


def run_help(*arguments: str) -> tuple[str, set[str]]:
    """Return what `ops ... --help` prints, and the top-level modules it imported."""
    code = (
        "import json, sys; from app.cli.root import main; main(sys.argv[1:]);"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    text, _, modules = done.stdout.rstrip().rpartition("\n")
    return text, set(json.loads(modules))


@pytest.mark.parametrize("command", [[], ["job"]], ids=["ops", "ops job"])
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    text, modules = run_help(*command)
    assert "Usage: " in text
    assert not modules & HEAVY


def test_help_takes_less_than_300_milliseconds() -> None:
    def measure() -> float:
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "app.cli", "--help"], capture_output=True, check=True, timeout=30
        )
        return time.monotonic() - started

    assert min(measure() for _ in range(3)) < 0.3


def test_help_shows_every_command_in_its_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"{title}:") for title in SECTIONS]
    assert places == sorted(places)
    for entries in SECTIONS.values():
        for name, entry in entries.items():
            assert f"  {name} " in text
            assert entry.summary in text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.target)
def test_every_command_of_the_table_exists(entry: Entry) -> None:
    module, _, attribute = entry.target.partition(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.help


def test_an_unknown_command_is_a_usage_error_that_suggests_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["dmeo"]) == exits.USAGE
    assert "demo" in capsys.readouterr().err


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["job", "list", "--statsu", "queued"]) == exits.USAGE
    assert "--status" in capsys.readouterr().err


def test_no_option_takes_a_key() -> None:
    for entry in ENTRIES:
        module, _, attribute = entry.target.partition(":")
        command = getattr(import_module(module), attribute)
        names = {name for parameter in command.params for name in parameter.opts}
        assert not names & {"--api-key", "--ops-key", "--token", "--secret", "--password"}
