"""What `ops doctor` asks the control plane and the runner's listener.

Each right secret has to be taken and a wrong one refused: a door that opens to everybody answers
the owner just as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from app.cli.chosen import load_address, variables
from app.cli.client import API, Client, Refused, Unreachable
from app.cli.exits import CommandError
from app.cli.finding import Finding
from app.cli.flags import find_lacks
from app.cli.invocation import current
from app.cli.made_secrets import make_secret
from config.loader import load_layers
from config.values import split_addresses

_TIMEOUT_SECONDS = 10.0


def check_api() -> Iterator[Finding]:
    """The control plane answers with the key, has what it needs, and refuses other secrets."""
    try:
        url, key = load_address(current().url)
        with closing(Client(url, key, timeout_seconds=_TIMEOUT_SECONDS)) as client:
            yield from _check_answers(client)
    except Unreachable as error:
        yield Finding("api", "problem", error.message, error.hint)
        return
    except CommandError as error:
        yield Finding("api", "problem", error.message, error.hint)
    yield _refusal(url, "api key", f"{API}/types", {})
    yield _refusal(url, "cron secret", f"{API}/cron/wake", {"Authorization": make_secret()})


def _check_answers(client: Client) -> Iterator[Finding]:
    """Ask with the key; the first error ends it."""
    from app.version import VERSION

    started = time.monotonic()
    environment = client.get(f"{API}/debug/env").body
    took = time.monotonic() - started
    yield Finding("api", "ok", f"{client.url} answers in {took * 1000:.0f} ms")
    version = client.get("/version").body["version"]
    if version != VERSION:
        yield Finding(
            "api", "warning", f"it is version {version}, here is {VERSION}",
            "deploy the same version",
        )  # fmt: skip
    lacks = find_lacks(
        lambda flag: environment["flags"].get(flag, False),
        lambda name: environment["settings"].get(name, {}).get("set", False),
    )
    for flag, needed in lacks:
        yield Finding(
            "api", "problem", f"there, {flag} is on but {needed} is not set",
            "set it where the control plane runs, and deploy again",
        )  # fmt: skip
    client.get("/readyz")
    yield Finding("api database", "ok", "it reaches the database, and the schema is current")


def check_runner() -> Iterator[Finding]:
    """The listener of each runner takes the token, and refuses another one."""
    layers = load_layers(variables())
    urls = split_addresses(layers.get("RUNNER_URL"))
    token = layers.get("RUNNER_TOKEN_OUTBOUND")
    if not urls or not token:
        yield Finding("listener", "skipped", "RUNNER_URL or RUNNER_TOKEN_OUTBOUND is not set")
    for url in urls if token else ():
        yield from _check_listener(url, token)


def _check_listener(url: str, token: str) -> Iterator[Finding]:
    from app.web.wake import send_wake

    status = send_wake(url, token, timeout_seconds=_TIMEOUT_SECONDS).status
    if status == "accepted":
        yield Finding("listener", "ok", "a wake-up is taken")
    elif status == "unauthorized":
        yield Finding(
            "listener", "problem", "the runner refuses RUNNER_TOKEN_OUTBOUND",
            "give it the value of the runner's RUNNER_TOKEN",
        )  # fmt: skip
    else:
        yield Finding("listener", "problem", f"a wake-up was not taken: {status}", "ops runner")
        return
    if send_wake(url, make_secret(), timeout_seconds=_TIMEOUT_SECONDS).status == "unauthorized":
        yield Finding("runner token", "ok", "a wrong token is refused")
    else:
        yield Finding(
            "runner token", "problem", "a wrong token was not refused",
            "check what serves RUNNER_URL",
        )  # fmt: skip


def _refusal(url: str, check: str, path: str, headers: dict[str, str]) -> Finding:
    """Come with a wrong secret and expect to be sent away."""
    try:
        with closing(Client(url, make_secret(), timeout_seconds=_TIMEOUT_SECONDS)) as stranger:
            stranger.call("GET", path, headers=headers)
    except Refused as refused:
        if refused.status == 401:
            return Finding(check, "ok", "a wrong one is refused")
        return Finding(check, "problem", f"a wrong one is answered with {refused.status}",
                       "check what serves OPS_URL")  # fmt: skip
    except CommandError as error:
        return Finding(check, "problem", error.message, error.hint)
    return Finding(check, "problem", "a wrong one was not refused", "check what serves OPS_URL")
