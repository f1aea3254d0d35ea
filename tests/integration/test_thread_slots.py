"""Thread slots for real: every way a handler can end there, and that none of them costs a slot."""

from __future__ import annotations

import concurrent.futures
import logging
import random
import sys
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
from worker.slots import threads
from worker.slots.inside import OnTold, Running
from worker.slots.runs import LOGS_PER_RUN, Ended, Run, StopReason, Verdict
from worker.slots.threads import ThreadSlots
from worker.steering import GiveUp, JobCancelled, RetryLater

Handler = Callable[[JobContext, Any], Any]


def slots_of(*functions: Handler, **options: Any) -> Any:
    return inside_slots(ThreadSlots, *functions, **options)


@pytest.fixture
def go() -> Iterator[threading.Event]:
    """What a handler waits for that ignores being stopped; it ends with the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


def test_a_result_comes_back_as_json() -> None:
    def greet(job: JobContext, payload: Any) -> dict[str, Any]:
        return {"said": payload.text, "attempt": job.attempt, "settings": dict(job.settings)}

    with slots_of(greet) as slots:
        ended = slots.run(greet, text="hello")
    assert (ended.verdict, ended.stop) == (Verdict.SUCCEEDED, None)
    assert ended.text == '{"said":"hello","attempt":2,"settings":{"fetch_max_bytes":5}}'
    assert ended.output is None
    assert ended.seconds > 0


def test_a_function_that_returns_a_coroutine_is_awaited() -> None:
    async def later() -> dict[str, Any]:
        return {"is_awaited": True}

    def plain(job: JobContext, payload: Any) -> Any:
        return later()

    with slots_of(plain) as slots:
        assert slots.run(plain).text == '{"is_awaited":true}'


@pytest.mark.parametrize(
    ("error", "verdict", "words"),
    [
        (ValueError("bad \x00 \ud800"), Verdict.FAILED, "ValueError: bad \ufffd \ufffd"),
        (SystemExit(0), Verdict.FAILED, "SystemExit: 0"),
        (KeyboardInterrupt(), Verdict.FAILED, "KeyboardInterrupt"),
        (GeneratorExit(), Verdict.FAILED, "GeneratorExit"),
        (MemoryError(), Verdict.FAILED, "MemoryError"),
        (GiveUp("no use"), Verdict.GAVE_UP, "no use"),
        (RetryLater(7, "not yet"), Verdict.RETRY_LATER, "not yet"),
        (JobCancelled("by itself"), Verdict.CANCELLED, ""),
    ],
)
def test_whatever_a_handler_raises_is_told_and_costs_no_slot(
    error: BaseException, verdict: Verdict, words: str
) -> None:
    def fail(job: JobContext, payload: Any) -> None:
        raise error

    def fine(job: JobContext, payload: Any) -> None:
        pass

    with slots_of(fail, fine, size=1) as slots:
        ended = slots.run(fail)
        assert (ended.verdict, ended.text, ended.stop) == (verdict, words, None)
        assert ended.delay_seconds == (7.0 if verdict is Verdict.RETRY_LATER else None)
        assert slots.run(fine).verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize(
    ("result", "words"),
    [
        *UNSTORABLE,
        ({"x": "y" * 2_000_000}, "2000008 bytes, over the limit of 1000000"),
        ([1], "an object is expected, not list"),
    ],
)
def test_a_result_that_cannot_be_stored_is_told_so(result: Any, words: str) -> None:
    def give(job: JobContext, payload: Any) -> Any:
        return result

    with slots_of(give) as slots:
        ended = slots.run(give)
    assert (ended.verdict, ended.text) == (Verdict.RESULT_INVALID, words)


def test_a_payload_that_does_not_fit_is_told_so() -> None:
    def greet(job: JobContext, payload: Any) -> None:
        raise AssertionError("it must not begin")

    with slots_of(greet) as slots:
        ended = slots.run(greet, more=1)
    assert ended.verdict is Verdict.PAYLOAD_INVALID
    assert ended.text == "more: Extra inputs are not permitted"


def test_a_model_that_raises_what_it_likes_costs_no_slot() -> None:
    def greet(job: JobContext, payload: Any) -> None:
        pass

    with slots_of(greet, size=1, payload=Stubborn) as slots:
        ended = slots.run(greet, text="nobody")
        assert (ended.verdict, ended.text) == (Verdict.FAILED, "LookupError: nobody")
        assert slots.run(greet).verdict is Verdict.SUCCEEDED


def test_output_of_neighbours_is_kept_apart() -> None:
    together = threading.Barrier(4, timeout=10)

    def speak(job: JobContext, payload: Any) -> None:
        for number in range(20):
            together.wait()
            print(f"{payload.text} out {number}")
            print(f"{payload.text} err {number}", file=sys.stderr)
            logging.getLogger("acme").info("%s log %s", payload.text, number)

    with slots_of(speak, size=4) as slots:
        logging.getLogger("acme").setLevel(logging.INFO)
        runs = [slots.make(speak, text=text) for text in "abcd"]
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    for text, ended in zip("abcd", ends, strict=True):
        assert ended.output is not None
        assert ended.output.text.splitlines() == [
            line
            for number in range(20)
            for line in (
                f"{text} out {number}", f"{text} err {number}", f"INFO acme: {text} log {number}",
            )
        ]  # fmt: skip


def test_a_traceback_is_the_runs_own_and_a_flood_is_cut() -> None:
    def fail(job: JobContext, payload: Any) -> None:
        print("first")
        print("x" * 500_000)
        raise ValueError("here")

    with slots_of(fail) as slots:
        output = slots.run(fail).output
    assert output is not None
    assert output.is_truncated
    assert output.text.startswith("first\nx")
    assert output.text.endswith("ValueError: here\n")
    assert len(output.text) < 70_000


def test_a_log_call_that_does_not_fit_does_not_fail_the_handler() -> None:
    def blunder(job: JobContext, payload: Any) -> None:
        logging.getLogger("acme").warning("%d jobs", "many")

    with slots_of(blunder) as slots:
        ended = slots.run(blunder)
    assert ended.verdict is Verdict.SUCCEEDED
    assert ended.output is not None
    assert "--- Logging error ---" in ended.output.text


def test_lines_of_the_runner_pass_by(capfd: pytest.CaptureFixture[str]) -> None:
    inside, outside = threading.Event(), threading.Event()

    def wait(job: JobContext, payload: Any) -> None:
        print("of the run")
        logging.getLogger("acme").warning("of the run")
        inside.set()
        outside.wait(10)

    root = logging.getLogger()
    own = logging.StreamHandler(sys.stderr)
    root.addHandler(own)
    try:
        with slots_of(wait) as slots:
            slots.submit(wait)
            inside.wait(10)
            print("of the runner")
            logging.getLogger("worker").warning("logged by the runner")
            outside.set()
            output = slots.next().output
    finally:
        root.removeHandler(own)
    out, err = capfd.readouterr()
    assert (out, err) == ("of the runner\n", "logged by the runner\n")
    assert output is not None
    assert output.text == "of the run\nWARNING acme: of the run\n"


def test_progress_and_log_lines_are_told_in_order_and_capped() -> None:
    def tell(job: JobContext, payload: Any) -> None:
        job.progress(1, total=3, message="one\x00")
        for number in range(LOGS_PER_RUN + 10):
            job.log(f"line {number}")
        job.progress(3, total=3)

    with slots_of(tell) as slots:
        ended = slots.run(tell)
        first, *lines, last = slots.told
    assert (first.run, first.kind) == (ended.run, "progress")
    assert first.data == {"done": 1, "total": 3, "message": "one\ufffd"}
    assert [line.message for line in lines] == [f"line {number}" for number in range(LOGS_PER_RUN)]
    assert last.data == {"done": 3, "total": 3}


# -- stops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [StopReason.CANCEL, StopReason.CLAIM_LOST])
def test_a_handler_that_sleeps_is_woken_to_be_stopped(reason: StopReason) -> None:
    began = threading.Event()

    def sleep(job: JobContext, payload: Any) -> None:
        began.set()
        job.sleep(600)

    with slots_of(sleep) as slots:
        run = slots.submit(sleep)
        wait_for(began)
        slots.pool.stop(run.id, run.claim_seq, reason)
        ended = slots.next()
    assert (ended.verdict, ended.stop) == (Verdict.CANCELLED, reason)


def test_all_threads_of_a_handler_are_woken() -> None:
    began = threading.Barrier(4, timeout=10)

    def spread(job: JobContext, payload: Any) -> dict[str, Any]:
        def part() -> bool:
            began.wait()
            try:
                job.sleep(600)
            except JobCancelled:
                return True
            return False

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            parts = [pool.submit(part) for _ in range(3)]
            return {"stopped": [part.result() for part in parts]}

    with slots_of(spread) as slots:
        run = slots.submit(spread)
        began.wait()
        slots.pool.stop(run.id, run.claim_seq, StopReason.DRAIN)
        ended = slots.next()
    assert ended.stop is StopReason.DRAIN
    assert ended.text == '{"stopped":[true,true,true]}'


def test_a_handler_that_only_asks_now_and_then_is_stopped_when_it_asks() -> None:
    began = threading.Event()

    def work(job: JobContext, payload: Any) -> None:
        while True:
            began.set()
            time.sleep(0.001)
            job.raise_if_cancelled()

    with slots_of(work) as slots:
        slots.submit(work)
        wait_for(began)
        slots.pool.stop_all(StopReason.DRAIN)
        ended = slots.next()
    assert (ended.verdict, ended.stop) == (Verdict.CANCELLED, StopReason.DRAIN)


def test_a_result_of_a_stopped_handler_is_marked_so() -> None:
    began = threading.Event()

    def finish(job: JobContext, payload: Any) -> dict[str, Any]:
        began.set()
        try:
            job.sleep(600)
        except JobCancelled:
            return {"was": "asked to stop"}
        return {}

    with slots_of(finish) as slots:
        run = slots.submit(finish)
        wait_for(began)
        slots.pool.stop(run.id, run.claim_seq, StopReason.CANCEL)
        ended = slots.next()
    assert (ended.verdict, ended.stop) == (Verdict.SUCCEEDED, StopReason.CANCEL)


def test_a_run_that_is_out_of_time_is_asked_to_stop() -> None:
    def sleep(job: JobContext, payload: Any) -> None:
        job.sleep(600)

    with slots_of(sleep) as slots:
        ended = slots.run(sleep, timeout_seconds=0.2)
    assert (ended.verdict, ended.stop) == (Verdict.CANCELLED, StopReason.TIMEOUT)
    assert ended.seconds >= 0.2


def test_handlers_stop_before_an_unrenewed_lease_ends() -> None:
    def sleep(job: JobContext, payload: Any) -> None:
        job.sleep(600)

    with slots_of(sleep, size=1, lease=Lease(1.5, 0.2)) as slots:
        runs = [slots.submit(sleep), slots.submit(sleep)]
        first, second = slots.ends_of(runs)
    assert (first.verdict, first.stop) == (Verdict.CANCELLED, StopReason.FENCE)
    assert second.verdict is Verdict.NOT_STARTED


def test_a_handler_that_ignores_the_stop_is_abandoned_and_its_place_taken(
    go: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    began = threading.Semaphore(0)

    def ignore(job: JobContext, payload: Any) -> dict[str, Any]:
        print("before")
        began.release()
        go.wait(30)
        print("after")
        job.log("after")
        return {}

    def fine(job: JobContext, payload: Any) -> None:
        pass

    with slots_of(ignore, fine, size=2, grace=0.1) as slots:
        runs = [slots.submit(ignore), slots.submit(ignore)]
        for _ in runs:
            assert began.acquire(timeout=10)
        slots.pool.stop(runs[0].id, runs[0].claim_seq, StopReason.CANCEL)
        slots.pool.stop(runs[1].id, runs[1].claim_seq, StopReason.DRAIN)
        ends = slots.ends_of(runs)
        assert [(e.verdict, e.stop) for e in ends] == [
            (Verdict.FAILED, StopReason.CANCEL), (Verdict.FAILED, StopReason.DRAIN),
        ]  # fmt: skip
        assert {e.text for e in ends} == {"the handler's thread did not stop when asked"}
        assert {e.output.text for e in ends if e.output} == {"before\n"}
        assert [record.getMessage() for record in caplog.records] == ["thread_abandoned"] * 2
        assert slots.pool.capacity == 2
        others = [slots.submit(fine) for _ in range(10)]
        assert {e.verdict for e in slots.ends_of(others)} == {Verdict.SUCCEEDED}
        go.set()
        wait_until(lambda: slots.pool._abandoned == 0, message="the abandoned threads end")
        assert slots.ended.empty()


def test_a_run_that_waits_is_stopped_without_a_start(go: threading.Event) -> None:
    began = threading.Event()

    def hold(job: JobContext, payload: Any) -> None:
        began.set()
        go.wait(30)

    def never(job: JobContext, payload: Any) -> None:
        raise AssertionError("it must not begin")

    with slots_of(hold, never, size=1) as slots:
        first = slots.submit(hold)
        wait_for(began)
        second = slots.submit(never)
        slots.pool.stop(second.id, second.claim_seq, StopReason.CANCEL)
        go.set()
        ends = slots.ends_of([first, second])
    assert ends[0].verdict is Verdict.SUCCEEDED
    assert ends[1] == Ended(second, Verdict.NOT_STARTED, stop=StopReason.CANCEL)


def test_a_stop_of_all_starts_nothing_more(go: threading.Event) -> None:
    began = threading.Event()

    def hold(job: JobContext, payload: Any) -> None:
        began.set()
        job.sleep(600)

    with slots_of(hold, size=1) as slots:
        runs = [slots.submit(hold) for _ in range(50)]
        wait_for(began)
        slots.pool.stop_all(StopReason.DRAIN)
        first, *others = slots.ends_of(runs)
    assert (first.verdict, first.stop) == (Verdict.CANCELLED, StopReason.DRAIN)
    assert {(e.verdict, e.stop) for e in others} == {(Verdict.NOT_STARTED, StopReason.DRAIN)}


def test_what_no_thread_comes_to_is_given_back(go: threading.Event) -> None:
    def hold(job: JobContext, payload: Any) -> None:
        go.wait(30)

    with slots_of(hold, size=1) as slots:
        first = slots.submit(hold)
        second = slots.submit(hold)
        assert slots.next() == Ended(second, Verdict.NOT_STARTED)
        go.set()
        assert slots.ends_of([first])[0].verdict is Verdict.SUCCEEDED


def test_a_stop_for_a_claim_that_another_took_over_stops_nothing() -> None:
    began, go_on = threading.Event(), threading.Event()

    def hold(job: JobContext, payload: Any) -> None:
        began.set()
        go_on.wait(10)
        job.raise_if_cancelled()

    with slots_of(hold) as slots:
        run = slots.submit(hold)
        wait_for(began)
        slots.pool.stop(run.id, run.claim_seq + 1, StopReason.CANCEL)
        go_on.set()
        assert (slots.next().verdict, slots.ended.empty()) == (Verdict.SUCCEEDED, True)


class Gap:
    """Holds a thread that has taken a run from the queue and not shown it yet."""

    def __init__(self) -> None:
        self.taken, self.go_on = threading.Event(), threading.Event()

    def running(self, run: Run, on_told: OnTold) -> Running:
        self.taken.set()
        self.go_on.wait(10)
        return Running(run, on_told)


@pytest.fixture
def gap(monkeypatch: pytest.MonkeyPatch) -> Gap:
    gap = Gap()
    monkeypatch.setattr(threads, "Running", gap.running)
    return gap


def sleep(job: JobContext, payload: Any) -> None:
    job.sleep(600)


def test_a_stop_reaches_a_run_that_a_thread_is_just_taking(gap: Gap) -> None:
    with slots_of(sleep) as slots:
        run = slots.submit(sleep)
        wait_for(gap.taken)
        slots.pool.stop(run.id, run.claim_seq, StopReason.CANCEL)
        gap.go_on.set()
        assert slots.next() == Ended(run, Verdict.NOT_STARTED, stop=StopReason.CANCEL)


def test_a_stop_of_all_reaches_a_run_that_a_thread_is_just_taking(gap: Gap) -> None:
    with slots_of(sleep) as slots:
        run = slots.submit(sleep)
        wait_for(gap.taken)
        stopping = threading.Thread(target=slots.pool.stop_all, args=(StopReason.DRAIN,))
        stopping.start()
        gap.go_on.set()
        assert slots.ends_of([run])[0].stop is StopReason.DRAIN
        stopping.join()


def test_the_time_of_a_run_is_kept_that_a_thread_is_just_taking(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = threading.Semaphore(0)
    keep = ThreadSlots._stop_late

    def stop_late(slots: ThreadSlots, now: float) -> None:
        keep(slots, now)
        seen.release()

    monkeypatch.setattr(ThreadSlots, "_stop_late", stop_late)
    with slots_of(sleep) as slots:
        slots.submit(sleep, timeout_seconds=0.2)
        wait_for(gap.taken)
        for _ in range(3):
            assert seen.acquire(timeout=10), "the timekeeper went to sleep"
        gap.go_on.set()
        assert slots.next().stop is StopReason.TIMEOUT


def test_stops_of_claims_that_run_elsewhere_are_forgotten(
    monkeypatch: pytest.MonkeyPatch, go: threading.Event
) -> None:
    monkeypatch.setattr(threads, "UNWANTED_SECONDS", 0.0)

    def hold(job: JobContext, payload: Any) -> None:
        go.wait(30)

    with slots_of(hold) as slots:
        run = slots.submit(hold)
        for number in range(50):
            slots.pool.stop(run.id, 100 + number, StopReason.CANCEL)
        wait_until(lambda: not slots.pool._unwanted, message="nothing is kept")
        go.set()
        slots.ends_of([run])
        slots.pool.stop(run.id, run.claim_seq, StopReason.CANCEL)
        assert not slots.pool._unwanted


@pytest.mark.parametrize("seed", range(3))
def test_every_run_ends_exactly_once_in_a_storm(seed: int) -> None:
    chance = random.Random(seed)
    began: list[Any] = []

    def quick(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        print(payload.text)

    def fail(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        raise ValueError(payload.text)

    def nap(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        print(payload.text)
        job.sleep(chance.random() * 0.02)

    def ignore(job: JobContext, payload: Any) -> None:
        began.append(job.id)
        time.sleep(0.3)

    with slots_of(quick, fail, nap, ignore, size=4, grace=0.05) as slots:
        what = [*[quick] * 10, fail, *[nap] * 5, ignore]
        runs = storm(slots, chance, what, rounds=150, stoppers=2, timeout_seconds=0.2)
        ends = slots.ends_of(runs)
        assert slots.run(quick, text="last").verdict is Verdict.SUCCEEDED
    assert len(began) == len(set(began))
    for number, ended in enumerate(ends):
        assert (ended.run.id in began) == (ended.verdict is not Verdict.NOT_STARTED), ended
        if ended.verdict is Verdict.SUCCEEDED and ended.run.job_type in ("quick", "nap"):
            assert ended.output is not None
            assert ended.output.text == f"{number}\n"
