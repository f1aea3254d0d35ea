"""`ops queue`: its commands, each loaded on use."""

from __future__ import annotations

import click

from app.cli.commands import QUEUE_SECTIONS
from app.cli.lazy import LazyGroup


@click.group(cls=LazyGroup, sections=QUEUE_SECTIONS)
def queue_group() -> None:
    """List, pause and resume queues."""
