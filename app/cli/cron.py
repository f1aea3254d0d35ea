"""`ops cron`: what the cron's address does, without HTTP: for a system cron beside the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli import exits
from app.cli.chosen import load_settings
from app.cli.exits import CommandError
from app.cli.invocation import current, json_option
from app.cli.output import emit, emit_json, say

if TYPE_CHECKING:
    from app.schedules.tick import Tick
    from config import Settings

_FIRING_SECONDS = 50.0  # less than the minute after which a cron comes again


@click.command()
@json_option
def cron_command() -> None:
    """Fire due schedules, take back jobs of dead runners, wake the runner. Needs DATABASE_URL.

    Safe to call as often as you like, beside any other cron and the runner itself: each occurrence
    makes one job.
    """
    settings = load_settings("database")
    if not settings.jobs_enabled:
        raise CommandError(
            "JOBS_ENABLED is off: no schedule is fired.", hint="set JOBS_ENABLED to true"
        )
    done = _tick(settings)
    wake = _wake(settings) if done.is_work_due else None
    if current().as_json:
        emit_json(
            {
                "fired": [
                    {
                        "schedule": one.schedule,
                        "occurrence_at": one.occurrence_at.isoformat(),
                        "job_id": str(one.job_id),
                    }
                    for one in done.fired
                ],
                "rescued": [str(job_id) for job_id in done.rescued],
                "rejected": [str(job_id) for job_id in done.rejected],
                "wake": wake,
            }
        )
        return
    for one in done.fired:
        emit(f"{one.schedule}  {one.occurrence_at.isoformat()}  {one.job_id}")
    counts = f"{len(done.fired)} fired, {len(done.rescued)} rescued, {len(done.rejected)} rejected"
    say(f"{counts}, wake-up: {wake or 'not sent'}")


def _tick(settings: Settings) -> Tick:
    import psycopg

    from app.db.connection import connect
    from app.db.deadline import deadline
    from app.schedules.tick import tick

    seconds = settings.database_timeout_seconds
    try:
        with (
            connect(
                settings.database_url_direct,
                prepare=False,
                timeout_seconds=seconds,
                application_name="ops-cron",
            ) as conn,
            deadline(conn, _FIRING_SECONDS + seconds),
        ):
            return tick(
                conn,
                with_schedules=True,
                firing_seconds=_FIRING_SECONDS,
                lease_seconds=settings.runner_lease_seconds,
                rescue_budget=settings.runner_rescue_budget,
                reject_after_seconds=settings.reject_unserved_after_seconds,
            )
    except psycopg.errors.UndefinedTable:
        raise CommandError(
            "The database lacks tables of this version.", hint="ops db upgrade"
        ) from None
    except psycopg.OperationalError as error:
        raise CommandError(
            f"The database cannot be reached: {type(error).__name__}.",
            exit_code=exits.UNREACHABLE,
            hint="ops doctor",
        ) from None


def _wake(settings: Settings) -> str | None:
    """Wake the runner where this machine knows how; else it finds the jobs at its next look."""
    from app.web.waking import wake_runner

    outcome = wake_runner(settings)
    return outcome.status if outcome else None
