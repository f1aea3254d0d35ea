"""What the runner hands to its listener, over the line and never by argument or environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config import Settings
    from worker.identity import Identity
    from worker.registry import Registry


@dataclass(frozen=True, slots=True)
class Setup:
    """Tokens, allowlist and the way to the database."""

    tokens: list[str] = field(repr=False)
    database_url: str = field(repr=False)
    database_prepare: bool
    allowlist: list[str]
    actor: str
    runner_name: str
    log_level: str


def make_setup(settings: Settings, registry: Registry, identity: Identity) -> Setup:
    """Return the setup of a listener for this runner."""
    tokens = [settings.runner_token, settings.runner_token_previous]
    return Setup(
        tokens=[token for token in tokens if token],
        database_url=settings.database_url_direct,
        database_prepare=settings.database_prepare,
        allowlist=[*registry.allowlist],
        actor=identity.actor,
        runner_name=identity.name,
        log_level=settings.log_level,
    )
