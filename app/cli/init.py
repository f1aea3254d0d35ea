"""`ops init`: a `.env` with strong secrets, for its owner alone."""

from __future__ import annotations

from pathlib import Path

import click
from dotenv import dotenv_values

from app.cli import exits
from app.cli.exits import CommandError
from app.cli.local import ROOT, write_private
from app.cli.made_secrets import complete
from app.cli.output import say

_HEAD = """\
# The settings of this machine; secret, never committed. All of them: `ops config show`.
APP_ENV=development
# Left out: `ops up` runs a PostgreSQL of its own.
# DATABASE_URL=postgresql://ops:PASSWORD@db.example.com/ops
"""


@click.command()
@click.option("--force", is_flag=True, help="Add what an existing .env lacks; it loses nothing.")
def init_command(force: bool) -> None:
    """Make .env with strong tokens."""
    make_env_file(ROOT / ".env", force=force)
    say(("next: ", "bold"), "ops up        start everything here")
    say("      ops doctor    see what is missing")
    say("      On a serverless platform set the same values in its environment:")
    say("      APP_ENV, DATABASE_URL, SECRET_KEY, OPS_API_KEY, CRON_SECRET,")
    say("      RUNNER_URL, RUNNER_TOKEN_OUTBOUND (= RUNNER_TOKEN of the runner)")


def make_env_file(path: Path, *, force: bool) -> None:
    """Write the file; of one that exists, keep every line and add what is missing."""
    if path.exists() and not force:
        raise CommandError(
            f"{path} exists; nothing was changed.",
            exit_code=exits.CONFLICT,
            hint="`ops init --force` adds what it lacks and keeps what it has",
        )
    text = path.read_text() if path.exists() else _HEAD
    if text and not text.endswith("\n"):
        text += "\n"
    there = {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}
    made = complete(there)
    write_private(path, text + "".join(f"{name}={value}\n" for name, value in made.items()))
    say(("✓ ", "green"), f"{path} (readable by you alone): {', '.join(made) or 'nothing to add'}")
