"""When the runners are woken, and what the caller is told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.jobs import Job, RunnerState
from app.web.answers import RunnerSeen, WarningAnswer
from app.web.wake import WakeOutcome
from app.web.wakes import name_job, prepare, wake_all

if TYPE_CHECKING:
    from config import Settings

_WAKE_HINTS = {
    "unauthorized": "RUNNER_TOKEN_OUTBOUND here and RUNNER_TOKEN on the runner differ.",
    "unreachable": "Check that the runner is up, and RUNNER_URL.",
    "timed_out": "Check that the runner is up, and RUNNER_URL.",
    "error": "Check that RUNNER_URL leads to the runner, and the certificate it shows.",
}


def is_configured(settings: Settings) -> bool:
    return bool(settings.runner_urls and settings.runner_token_outbound)


def prepare_wake(settings: Settings) -> None:
    """Connect to the runners for the wake-up that follows a commit: a handshake takes as long."""
    if _is_on(settings):
        prepare(settings.runner_urls, timeout_seconds=settings.wake_timeout_seconds)


def wake_runner(settings: Settings, job: Job | None = None) -> WakeOutcome | None:
    """Send a wake-up, or return None where it is switched off or not configured."""
    if not _is_on(settings):
        return None
    urls, token = settings.runner_urls, settings.runner_token_outbound
    budget = settings.wake_timeout_seconds
    if job is None:
        return wake_all(urls, token, timeout_seconds=budget)
    return name_job(urls, token, timeout_seconds=budget, job_id=str(job.id), job_type=job.job_type)


def runner_seen(
    runners: RunnerState, wake: WakeOutcome | None, *, lease_seconds: float
) -> RunnerSeen:
    """Judge from the wake-up's answer first, then from the runners' rows."""
    seen = runners.last_seen_seconds
    answered = wake is not None and wake.status == "accepted"
    gave_sign = runners.runners > 0 and seen is not None and seen <= lease_seconds
    absent = runners.runners == 0 or (wake is not None and wake.status == "unreachable")
    online = True if answered or gave_sign else False if absent else None
    return RunnerSeen(online=online, last_seen_seconds=seen)


def wake_warnings(seen: RunnerSeen, wake: WakeOutcome | None) -> list[WarningAnswer]:
    """Return what the caller should know where work was accepted."""
    warnings = []
    if wake is not None and wake.status != "accepted":
        warnings.append(
            WarningAnswer(
                code="wake_failed",
                detail="The wake-up failed; queued jobs run at the runner's next look.",
                hint=_WAKE_HINTS.get(wake.status),
            )
        )
    if wake is not None and wake.failed:
        warnings.append(
            WarningAnswer(
                code="wake_failed",
                detail="Some of the runners could not be woken; another one was.",
                hint="Check that they are up, and RUNNER_URL.",
            )
        )
    if seen.online is False:
        warnings.append(
            WarningAnswer(
                code="no_runner_online",
                detail="No runner is online; queued jobs wait for one.",
                hint="ops runner",
            )
        )
    return warnings


def _is_on(settings: Settings) -> bool:
    return settings.runner_enabled and is_configured(settings)
