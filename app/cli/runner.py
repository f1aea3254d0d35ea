"""`ops runner`: the runner, as `python -m worker` starts it."""

from __future__ import annotations

import click

from app.cli.chosen import given, load_settings


@click.command()
@click.pass_context
def runner_command(context: click.Context) -> None:
    """Run the runner until it is told to stop; SIGTERM drains it."""
    import worker

    context.exit(worker.main(load_settings("runner", given())) or 0)
