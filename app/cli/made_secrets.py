"""The secrets a platform needs, and strong values for those that are missing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from app.cli.local import write_private

SECRETS_FILE = "secrets.env"
_MADE = ("SECRET_KEY", "OPS_API_KEY", "RUNNER_TOKEN", "CRON_SECRET")


def complete(given: Mapping[str, str], kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a value for every needed secret that was not given: the kept one, else a new one.

    The control plane sends the token that the runner accepts: one value under two names.
    """
    values = {name: given.get(name) or (kept or {}).get(name) or make_secret() for name in _MADE}
    if not given.get("RUNNER_TOKEN"):
        values["RUNNER_TOKEN"] = given.get("RUNNER_TOKEN_OUTBOUND") or values["RUNNER_TOKEN"]
    values["RUNNER_TOKEN_OUTBOUND"] = values["RUNNER_TOKEN"]
    return {name: value for name, value in values.items() if not given.get(name)}


def keep(folder: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return the missing secrets, and keep in the folder those that were made.

    Sourcing the file gives a shell the names that `curl` lines use.
    """
    path = folder / SECRETS_FILE
    kept = {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}
    values = complete(given, kept)
    made = {name: value for name, value in values.items() if value not in given.values()}
    if made.items() - kept.items():
        lines = [f"export {name}={value}\n" for name, value in {**kept, **made}.items()]
        write_private(path, "# Made by `ops up`, for this machine alone.\n" + "".join(lines))
    return values


def make_secret() -> str:
    """Return 256 random bits as characters that need no quoting anywhere."""
    return secrets.token_urlsafe(32)
