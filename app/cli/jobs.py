"""`ops job`: its commands, each loaded on use."""

from __future__ import annotations

import click

from app.cli.commands import JOB_SECTIONS
from app.cli.lazy import LazyGroup


@click.group(cls=LazyGroup, sections=JOB_SECTIONS)
def job_group() -> None:
    """Create, list, show, watch and cancel jobs."""
