"""`ops schedule`: its commands, each loaded on use."""

from __future__ import annotations

import click

from app.cli.commands import SCHEDULE_SECTIONS
from app.cli.lazy import LazyGroup


@click.group(cls=LazyGroup, sections=SCHEDULE_SECTIONS)
def schedule_group() -> None:
    """Make jobs at times: create, list, pause, run and delete schedules."""
