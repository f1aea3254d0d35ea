"""Async slots for real: coroutines side by side, and what one of them can do to the others."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.inside_slots import UNSTORABLE, Stubborn, inside_slots, wait_for
from tests.storm import storm
from tests.waiting import wait_until
from worker.context import JobContext
from worker.lease import Lease
from worker.slots import coroutines
from worker.slots.coroutines import AsyncSlots
from worker.slots.runs import LOGS_PER_RUN, Ended, StopReason, Verdict
from worker.steering import GiveUp, JobCancelled, RetryLater

Handler = Callable[[JobContext, Any], Any]


def slots_of(*functions: Handler, **options: Any) -> Any:
    return inside_slots(AsyncSlots, *functions, **options)


@pytest.fixture
def go() -> Iterator[threading.Event]:
    """What a handler waits for that blocks the loop; it ends with the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


async def sleep(job: JobContext, payload: Any) -> None:
    await asyncio.sleep(600)


async def fine(job: JobContext, payload: Any) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"text": payload.text}


def test_a_result_comes_back_as_json() -> None:
    with slots_of(fine) as slots:
        ended = slots.run(fine, text="hello")
    assert (ended.verdict, ended.stop, ended.output) == (Verdict.SUCCEEDED, None, None)
    assert ended.text == '{"text":"hello"}'


def test_as_many_run_at_once_as_there_are_places() -> None:
    most, now = 0, 0

    async def count(job: JobContext, payload: Any) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    with slots_of(count, size=5) as slots:
        runs = [slots.make(count) for _ in range(30)]
        slots.pool.submit(runs)
        assert {e.verdict for e in slots.ends_of(runs)} == {Verdict.SUCCEEDED}
    assert most == 5


@pytest.mark.parametrize(
    ("error", "verdict", "words"),
    [
        (ValueError("bad \x00"), Verdict.FAILED, "ValueError: bad \ufffd"),
        (SystemExit(0), Verdict.FAILED, "SystemExit: 0"),
        (KeyboardInterrupt(), Verdict.FAILED, "KeyboardInterrupt"),
        (GiveUp("no use"), Verdict.GAVE_UP, "no use"),
        (RetryLater(7, "not yet"), Verdict.RETRY_LATER, "not yet"),
        (JobCancelled("by itself"), Verdict.CANCELLED, ""),
        (asyncio.CancelledError(), Verdict.CANCELLED, ""),
    ],
)
def test_whatever_a_handler_raises_is_told_and_costs_no_loop(
    error: BaseException, verdict: Verdict, words: str
) -> None:
    async def fail(job: JobContext, payload: Any) -> None:
        await asyncio.sleep(0)
        raise error

    with slots_of(fail, fine, size=1) as slots:
        ended = slots.run(fail)
        assert (ended.verdict, ended.text, ended.stop) == (verdict, words, None)
        assert slots.run(fine).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_task_of_a_handlers_own_that_exits_costs_no_loop(error: type[BaseException]) -> None:
    async def leave() -> None:
        raise error

    async def spawn(job: JobContext, payload: Any) -> None:
        await asyncio.create_task(leave())

    with slots_of(spawn, fine, size=1) as slots:
        ended = slots.run(spawn)
        assert (ended.verdict, ended.text) == (Verdict.FAILED, error.__name__)
        assert slots.run(fine).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize(("result", "words"), UNSTORABLE)
def test_a_result_that_cannot_be_stored_is_told_so(result: Any, words: str) -> None:
    async def give(job: JobContext, payload: Any) -> Any:
        return result

    with slots_of(give) as slots:
        ended = slots.run(give)
    assert (ended.verdict, ended.text) == (Verdict.RESULT_INVALID, words)


def test_a_payload_that_does_not_fit_is_told_so() -> None:
    with slots_of(fine) as slots:
        ended = slots.run(fine, more=1)
        assert ended.verdict is Verdict.PAYLOAD_INVALID
    with slots_of(fine, size=1, payload=Stubborn) as slots:
        for _ in range(2):
            ended = slots.run(fine, text="nobody")
            assert (ended.verdict, ended.text) == (Verdict.FAILED, "LookupError: nobody")


def test_output_of_neighbours_is_kept_apart() -> None:
    async def aside(text: str) -> None:
        print(f"{text} aside")

    async def speak(job: JobContext, payload: Any) -> None:
        for number in range(5):
            print(f"{payload.text} {number}")
            await asyncio.sleep(0)
            logging.getLogger("acme").warning("%s %s", payload.text, number)
            await asyncio.create_task(aside(payload.text))
            await asyncio.to_thread(print, f"{payload.text} in a thread")
        raise ValueError(payload.text)

    with slots_of(speak, size=4) as slots:
        runs = [slots.make(speak, text=text) for text in "abcd"]
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    for text, ended in zip("abcd", ends, strict=True):
        assert ended.output is not None
        lines = ended.output.text.splitlines()
        assert lines[:20] == [
            line
            for number in range(5)
            for line in (
                f"{text} {number}", f"WARNING acme: {text} {number}", f"{text} aside",
                f"{text} in a thread",
            )
        ]  # fmt: skip
        assert lines[20] == "Traceback (most recent call last):"
        assert lines[-1] == f"ValueError: {text}"


def test_what_a_handler_sets_in_its_context_is_its_own() -> None:
    word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="")

    async def remember(job: JobContext, payload: Any) -> dict[str, Any]:
        before = word.get()
        word.set(payload.text)
        await asyncio.sleep(0)
        return {"before": before, "after": word.get()}

    with slots_of(remember, size=1) as slots:
        runs = [slots.make(remember, text=text) for text in "abc"]
        slots.pool.submit(runs)
        texts = [ended.text for ended in slots.ends_of(runs)]
    assert texts == [f'{{"before":"","after":"{text}"}}' for text in "abc"]


def test_progress_and_log_lines_are_told_in_order_and_capped() -> None:
    async def tell(job: JobContext, payload: Any) -> None:
        for number in range(LOGS_PER_RUN + 10):
            job.log(f"line {number}")
        job.progress(3, total=3)

    with slots_of(tell) as slots:
        slots.run(tell)
        *lines, last = slots.told
    assert [line.message for line in lines] == [f"line {number}" for number in range(LOGS_PER_RUN)]
    assert last.data == {"done": 3, "total": 3}


# -- stops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [StopReason.CANCEL, StopReason.CLAIM_LOST])
def test_a_coroutine_is_cancelled_at_its_next_await(reason: StopReason) -> None:
    began, cleaned = threading.Event(), threading.Event()

    async def wait(job: JobContext, payload: Any) -> None:
        try:
            began.set()
            await asyncio.sleep(600)
        finally:
            cleaned.set()

    with slots_of(wait, fine) as slots:
        run = slots.submit(wait)
        wait_for(began)
        slots.pool.stop(run.id, run.claim_seq, reason)
        ended = slots.next()
        assert cleaned.is_set()
        assert (ended.verdict, ended.stop) == (Verdict.CANCELLED, reason)
        assert slots.run(fine).verdict is Verdict.SUCCEEDED


def test_a_result_of_a_stopped_coroutine_is_marked_so() -> None:
    began = threading.Event()

    async def finish(job: JobContext, payload: Any) -> dict[str, Any]:
        began.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(600)
        return {"was": "asked to stop"}

    with slots_of(finish) as slots:
        slots.submit(finish)
        wait_for(began)
        slots.pool.stop_all(StopReason.DRAIN)
        ended = slots.next()
    assert (ended.verdict, ended.stop) == (Verdict.SUCCEEDED, StopReason.DRAIN)


def test_a_run_that_is_out_of_time_is_cancelled() -> None:
    with slots_of(sleep) as slots:
        ended = slots.run(sleep, timeout_seconds=0.2)
    assert (ended.verdict, ended.stop) == (Verdict.CANCELLED, StopReason.TIMEOUT)


def test_coroutines_stop_before_an_unrenewed_lease_ends() -> None:
    with slots_of(sleep, size=1, lease=Lease(1.5, 0.2)) as slots:
        first, second = slots.ends_of([slots.submit(sleep), slots.submit(sleep)])
    assert (first.verdict, first.stop) == (Verdict.CANCELLED, StopReason.FENCE)
    assert second.verdict is Verdict.NOT_STARTED


def test_a_run_that_waits_is_stopped_without_a_start() -> None:
    go_on = threading.Event()

    async def hold(job: JobContext, payload: Any) -> None:
        while not go_on.is_set():  # noqa: ASYNC110 - it is set by another thread
            await asyncio.sleep(0.001)

    with slots_of(hold, size=1) as slots:
        first, second = slots.submit(hold), slots.submit(hold)
        slots.pool.stop(second.id, second.claim_seq, StopReason.CANCEL)
        assert slots.next() == Ended(second, Verdict.NOT_STARTED, stop=StopReason.CANCEL)
        go_on.set()
        assert slots.ends_of([first])[0].verdict is Verdict.SUCCEEDED


def test_a_stop_of_all_starts_nothing_more() -> None:
    with slots_of(sleep, size=2) as slots:
        runs = [slots.submit(sleep) for _ in range(50)]
        wait_until(lambda: len(slots.pool._tasks) == 2, message="two run")
        slots.pool.stop_all(StopReason.DRAIN)
        ends = slots.ends_of(runs)
    assert [(e.verdict, e.stop) for e in ends] == [
        *[(Verdict.CANCELLED, StopReason.DRAIN)] * 2,
        *[(Verdict.NOT_STARTED, StopReason.DRAIN)] * 48,
    ]


def test_what_finds_no_place_is_given_back() -> None:
    with slots_of(sleep, size=1) as slots:
        first, second = slots.submit(sleep), slots.submit(sleep)
        assert slots.next() == Ended(second, Verdict.NOT_STARTED)
        slots.pool.stop(first.id, first.claim_seq, StopReason.CANCEL)
        assert slots.ends_of([first])[0].verdict is Verdict.CANCELLED


def test_a_coroutine_that_swallows_the_stop_is_abandoned_and_its_place_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    is_over = threading.Event()

    async def ignore(job: JobContext, payload: Any) -> None:
        print("before")
        while not is_over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        print("after")

    with slots_of(ignore, fine, size=1, grace=0.1) as slots:
        run = slots.submit(ignore)
        wait_until(lambda: slots.pool._tasks, message="it runs")
        others = [slots.make(fine) for _ in range(3)]
        slots.pool.submit(others)
        slots.pool.stop(run.id, run.claim_seq, StopReason.CANCEL)
        ended, *ends = slots.ends_of([run, *others])
        assert (ended.verdict, ended.stop) == (Verdict.FAILED, StopReason.CANCEL)
        assert ended.text == "the handler did not stop when asked"
        assert ended.output is not None
        assert ended.output.text == "before\n"
        assert {e.verdict for e in ends} == {Verdict.SUCCEEDED}
        assert [record.getMessage() for record in caplog.records] == ["coroutine_abandoned"]
        is_over.set()
        assert slots.run(fine).verdict is Verdict.SUCCEEDED


# -- a loop that is blocked ----------------------------------------------------------------------


def test_a_loop_that_a_handler_blocks_holds_up_nobody_who_comes_later(
    go: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    async def block(job: JobContext, payload: Any) -> dict[str, Any]:
        go.wait(30)
        return {}

    async def on_it(job: JobContext, payload: Any) -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {}

    with slots_of(block, on_it, fine, size=3) as slots:
        neighbour, blocker = slots.make(on_it), slots.make(block)
        slots.pool.submit([neighbour, blocker])
        wait_until(
            lambda: [r for r in caplog.records if r.getMessage() == "loop_blocked"],
            message="the block is noticed",
        )
        assert slots.run(fine).verdict is Verdict.SUCCEEDED
        go.set()
        ends = slots.ends_of([neighbour, blocker])
        assert {e.verdict for e in ends} == {Verdict.SUCCEEDED}
        wait_until(lambda: len(loop_threads()) == 1, message="the old loop ends")
        assert slots.run(fine).verdict is Verdict.SUCCEEDED


def test_a_run_that_blocks_the_loop_is_abandoned_in_time(go: threading.Event) -> None:
    async def block(job: JobContext, payload: Any) -> None:
        go.wait(30)

    with slots_of(block, fine, size=1, grace=0.1) as slots:
        ended = slots.run(block, timeout_seconds=0.2)
        assert (ended.verdict, ended.stop) == (Verdict.FAILED, StopReason.TIMEOUT)
        runs = [slots.submit(fine) for _ in range(3)]
        for ended in slots.ends_of(runs):
            assert ended.verdict in (Verdict.SUCCEEDED, Verdict.NOT_STARTED)
        wait_until(
            lambda: slots.run(fine).verdict is Verdict.SUCCEEDED, message="another loop runs"
        )


def loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "slots-async"]


@pytest.mark.parametrize("seed", range(3))
def test_every_run_ends_exactly_once_in_a_storm(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coroutines, "BLOCKED_SECONDS", 0.2)
    chance = random.Random(seed)
    began: list[Any] = []

    async def quick(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        print(payload.text)

    async def fail(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        raise ValueError(payload.text)

    async def nap(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        print(payload.text)
        await asyncio.sleep(chance.random() * 0.02)

    async def ignore(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    async def block(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        time.sleep(0.5)  # noqa: ASYNC251 - that is the point

    functions = [*[quick] * 50, *[fail] * 5, *[nap] * 30, *[ignore] * 2, *([block] if seed else [])]
    with slots_of(*dict.fromkeys(functions), size=8, grace=0.05) as slots:
        runs = storm(slots, chance, functions, rounds=100, stoppers=1, timeout_seconds=0.5)
        ends = slots.ends_of(runs)
        wait_until(
            lambda: slots.run(quick, text="last").verdict is Verdict.SUCCEEDED,
            message="it goes on",
        )
    assert len(began) == len(set(began))
    for number, ended in enumerate(ends):
        if ended.verdict is Verdict.NOT_STARTED:
            assert ended.run.id not in began, ended
        if ended.verdict is Verdict.SUCCEEDED and ended.run.job_type in ("quick", "nap"):
            assert ended.output is not None
            assert ended.output.text == f"{number}\n"
