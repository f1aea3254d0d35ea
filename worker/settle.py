"""What the end of a run means for its job: here it is decided which verb its holder uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from app.jobs import Claim, Failure, Held, Retry, Success
from worker.backoff import DEFAULT_BACKOFF, backoff_seconds
from worker.handlers import HandlerSpec
from worker.slots.runs import Ended, StopReason, Verdict

DEFAULT_MAX_ATTEMPTS = 3

Verb = Literal["succeed", "retry", "fail", "release", "abort", "reject"]


class Settlement(NamedTuple):
    """A claim's last word: the verb and its row."""

    verb: Verb
    row: Success | Retry | Failure | Held


def settle(
    claim: Claim,
    spec: HandlerSpec | None,
    ended: Ended,
    *,
    random: Callable[[], float],
    is_draining: bool = False,
) -> Settlement | None:
    """Return what to write for a run that ended; None where the claim is known to be lost."""
    match ended.stop:
        case StopReason.CLAIM_LOST:
            return None
        case StopReason.DRAIN | StopReason.FENCE:
            return release(claim)
        case StopReason.CANCEL:
            return abort(claim)
        case StopReason.TIMEOUT:
            error = f"timed out after {ended.run.timeout_seconds:g} s"
            return failed_attempt(claim, spec, error, random=random)
    match ended.verdict:
        case Verdict.SUCCEEDED:
            return Settlement("succeed", Success(claim.id, claim.claim_seq, ended.text))
        case Verdict.NOT_STARTED:
            return release(claim)
        case Verdict.GAVE_UP:
            return fail(claim, ended.text)
        case Verdict.PAYLOAD_INVALID | Verdict.RESULT_INVALID:
            return fail(claim, f"{ended.verdict}: {ended.text}")
        case Verdict.RETRY_LATER:
            return failed_attempt(claim, spec, ended.text, delay_seconds=ended.delay_seconds)
        case Verdict.CANCELLED if is_draining:
            return release(claim)  # whoever drains us told the slots, too
        case Verdict.CANCELLED:
            error = "the handler stopped as if it had been told to"
            return failed_attempt(claim, spec, error, random=random)
        case Verdict.FAILED | Verdict.DIED:
            return failed_attempt(claim, spec, ended.text, random=random)


def failed_attempt(
    claim: Claim,
    spec: HandlerSpec | None,
    error: str,
    *,
    random: Callable[[], float] = lambda: 1.0,
    delay_seconds: float | None = None,
) -> Settlement:
    """Retry after `delay_seconds` (or after a backoff), or fail where no attempt is left."""
    of_handler = spec.max_attempts if spec is not None else None
    if claim.attempt >= (claim.max_attempts or of_handler or DEFAULT_MAX_ATTEMPTS):
        return fail(claim, error)
    if delay_seconds is None:
        base, cap = DEFAULT_BACKOFF if spec is None else spec.backoff
        delay_seconds = backoff_seconds(claim.attempt, random, base_seconds=base, cap_seconds=cap)
    return Settlement("retry", Retry(claim.id, claim.claim_seq, error, delay_seconds))


def fail(claim: Claim, error: str) -> Settlement:
    """Fail the job whatever attempts are left."""
    return Settlement("fail", Failure(claim.id, claim.claim_seq, error))


def release(claim: Claim) -> Settlement:
    """Give the job back with its attempt."""
    return Settlement("release", Held(claim.id, claim.claim_seq))


def abort(claim: Claim) -> Settlement:
    """Close the claim of a job whose cancel was requested."""
    return Settlement("abort", Held(claim.id, claim.claim_seq))


def reject(claim: Claim) -> Settlement:
    """Fail a job whose type this runner does not allow."""
    return Settlement("reject", Held(claim.id, claim.claim_seq))
