"""What the end of a run means for its job: every verdict, every reason to stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel

from app.jobs import Claim, Failure, Retry, Success
from worker.handlers import HandlerSpec
from worker.settle import DEFAULT_MAX_ATTEMPTS, settle
from worker.slots.runs import Ended, Run, StopReason, Verdict


def a_claim(**values: Any) -> Claim:
    return Claim(
        **{
            "id": uuid4(),
            "claim_seq": 5,
            "batch": 1,
            "job_type": "strict",
            "queue": "default",
            "priority": 5,
            "concurrency_key": "",
            "available_at": datetime(2026, 1, 1, tzinfo=UTC),
            "seq": 1,
            "attempt": 1,
            "max_attempts": None,
            "timeout_seconds": None,
            "cancel_requested": False,
            "payload_text": "{}",
            **values,
        }
    )


def a_spec(max_attempts: int | None = None) -> HandlerSpec:
    return HandlerSpec("strict", print, BaseModel, None, None, max_attempts, None, None)


def settled(
    verdict: Verdict,
    text: str = "why",
    *,
    stop: StopReason | None = None,
    delay: float | None = None,
    spec: HandlerSpec | None = None,
    is_draining: bool = False,
    **claim: Any,
) -> Any:
    held = a_claim(**claim)
    run = Run(held.id, held.claim_seq, "strict", held.attempt, "{}", 30)
    ended = Ended(run, verdict, text, delay, stop)
    return settle(held, spec, ended, random=lambda: 0.5, is_draining=is_draining)


def test_a_success_succeeds() -> None:
    found = settled(Verdict.SUCCEEDED, '{"a":1}')
    assert found.verb == "succeed"
    assert isinstance(found.row, Success)
    assert (found.row.claim_seq, found.row.result_text) == (5, '{"a":1}')


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.DIED, Verdict.CANCELLED])
def test_a_failure_backs_off_while_attempts_are_left(verdict: Verdict) -> None:
    found = settled(verdict, attempt=2)
    assert found.verb == "retry"
    assert isinstance(found.row, Retry)
    assert found.row.delay_seconds == 2.0
    assert settled(verdict, attempt=DEFAULT_MAX_ATTEMPTS).verb == "fail"


@pytest.mark.parametrize(
    ("attempt", "delay"), [(1, 5.0), (2, 10.0), (3, 20.0), (4, 30.0), (9, 30.0)]
)
def test_a_handlers_own_backoff_doubles_up_to_its_own_cap(attempt: int, delay: float) -> None:
    spec = replace(a_spec(10), backoff=(10.0, 60.0))
    found = settled(Verdict.FAILED, attempt=attempt, spec=spec)
    assert found.row.delay_seconds == delay  # half of it drawn


def test_the_jobs_own_bound_wins_over_the_handlers_and_that_over_the_default() -> None:
    assert settled(Verdict.FAILED, attempt=1, max_attempts=1, spec=a_spec(9)).verb == "fail"
    assert settled(Verdict.FAILED, attempt=8, spec=a_spec(9)).verb == "retry"
    assert settled(Verdict.FAILED, attempt=9, spec=a_spec(9)).verb == "fail"


def test_retry_later_waits_as_told_and_counts_as_an_attempt() -> None:
    found = settled(Verdict.RETRY_LATER, delay=0.0)
    assert found.row.delay_seconds == 0.0
    assert settled(Verdict.RETRY_LATER, delay=7.0).row.delay_seconds == 7.0
    assert settled(Verdict.RETRY_LATER, delay=7.0, attempt=3).verb == "fail"


@pytest.mark.parametrize(
    ("verdict", "error"),
    [
        (Verdict.GAVE_UP, "why"),
        (Verdict.PAYLOAD_INVALID, "payload_invalid: why"),
        (Verdict.RESULT_INVALID, "result_invalid: why"),
    ],
)
def test_what_another_run_would_not_help_fails(verdict: Verdict, error: str) -> None:
    found = settled(verdict)
    assert found.verb == "fail"
    assert isinstance(found.row, Failure)
    assert found.row.error == error


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize(
    ("stop", "verb"),
    [
        (StopReason.CANCEL, "abort"),
        (StopReason.DRAIN, "release"),
        (StopReason.FENCE, "release"),
        (StopReason.TIMEOUT, "retry"),
        (StopReason.CLAIM_LOST, None),
    ],
)
def test_a_stop_decides_whatever_the_handler_said(
    verdict: Verdict, stop: StopReason, verb: str | None
) -> None:
    found = settled(verdict, stop=stop)
    assert (found and found.verb) == verb


def test_a_timeout_names_its_length() -> None:
    assert settled(Verdict.DIED, stop=StopReason.TIMEOUT).row.error == "timed out after 30 s"


def test_what_never_started_is_given_back() -> None:
    assert settled(Verdict.NOT_STARTED).verb == "release"


def test_a_handler_that_stops_with_its_draining_runner_is_given_back() -> None:
    assert settled(Verdict.CANCELLED, is_draining=True).verb == "release"
