"""The settings as the commands see them: the environment over `.env` over a running `ops up`.

So `ops job list` beside `ops up` needs no set-up, whatever its port and whoever made its key.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from dynaconf import ValidationError

from app.cli.exits import CommandError
from app.cli.local import published
from config import Process, Settings
from config import load_settings as load_checked
from config.loader import environment

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def given() -> dict[str, str]:
    """Return what a person set: the environment over `.env`."""
    return {name: value for name, value in environment().items() if value}


def variables() -> dict[str, str]:
    """Return the variables in force on this machine.

    A running `ops up` answers for what was left open, unless another database is set: then it
    belongs to something else.
    """
    mine = given()
    running = published()
    database_url = running.get("DATABASE_URL")
    if mine.get("DATABASE_URL", database_url) != database_url:
        return mine
    return {**running, **mine}


def load_settings(process: Process, values: Mapping[str, str] | None = None) -> Settings:
    """Return the checked settings of a process, or say all that is wrong with them."""
    try:
        return load_checked(process, variables() if values is None else values)
    except (ValidationError, ValueError) as error:
        raise CommandError(
            f"{type(error).__name__}: {error}",
            hint="`ops init` makes a .env, `ops config show` lists all settings",
        ) from None


def load_address(url: str | None) -> tuple[str, str]:
    """Return the address of the control plane and the key for it.

    The key that a running `ops up` made is for this machine and goes to no other.
    """
    settings = load_settings("cli")
    address = url or settings.ops_url
    if is_local(address):
        return address, settings.ops_api_key
    return address, given().get("OPS_API_KEY", "")


def is_local(url: str) -> bool:
    """Say whether an address is on this machine."""
    with contextlib.suppress(ValueError):
        return urlsplit(url).hostname in _LOOPBACK
    return False
