"""Wake-ups that come together: merged, to every runner, within one budget, and never too early."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from app.web import wake as wake_client
from app.web.wake import WakeCall, WakeOutcome
from app.web.wakes import name_job, prepare, wake_all
from tests.listeners import Answer, Listener, answer, listening
from tests.waiting import wait_until

TOKEN = "canary-token-of-the-wakes"
JOB_ID = "019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a"


def wake(*runners: Listener, timeout_seconds: float = 2) -> WakeOutcome:
    return wake_all([runner.url for runner in runners], TOKEN, timeout_seconds=timeout_seconds)


def name_it(*runners: Listener) -> WakeOutcome:
    urls = [runner.url for runner in runners]
    return name_job(urls, TOKEN, timeout_seconds=2, job_id=JOB_ID, job_type="greet")


def bodies(runner: Listener) -> list[bytes]:
    return [request.partition(b"\r\n\r\n")[2] for request in runner.requests]


def silent(conn: socket.socket) -> None:
    conn.recv(1)  # returns when the caller hangs up


class Held:
    """A listener's answer that waits until it is let go; then all are answered at once."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.released = threading.Event()

    def __call__(self, conn: socket.socket) -> None:
        self.asked.release()
        self.released.wait(10)
        conn.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


def clocks(monotonic: float, wall: float) -> SimpleNamespace:
    return SimpleNamespace(monotonic=lambda: monotonic, time=lambda: wall)


def calls_under_way() -> int:
    return sum(thread.name == "wake" for thread in threading.enumerate())


# Merged


def test_a_caller_that_comes_alone_sends_its_own() -> None:
    with listening(answer(202)) as runner:
        for _ in range(5):
            assert wake(runner) == WakeOutcome(True, "accepted")
    assert len(runner.requests) == 5


def test_those_who_come_while_one_is_under_way_share_the_next() -> None:
    held = Held()
    with listening(held) as runner, ThreadPoolExecutor(20) as pool:
        first = pool.submit(wake, runner, timeout_seconds=8)
        assert held.asked.acquire(timeout=5)
        others = [pool.submit(wake, runner, timeout_seconds=8) for _ in range(15)]
        assert not held.asked.acquire(timeout=0.1), "a second one is under way"
        held.released.set()
        outcomes = {future.result(10) for future in [first, *others]}
    assert outcomes == {WakeOutcome(True, "accepted")}
    assert len(runner.requests) == 2


def test_a_wake_up_leaves_after_the_call_that_asked_for_it() -> None:
    """Or the runner could look before the caller's job is there, and never again."""
    numbers = itertools.count()
    left: list[int] = []

    def note(conn: socket.socket) -> None:
        left.append(next(numbers))
        conn.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    def ask(_: int) -> bool:
        asked = next(numbers)
        wake(runner)
        return any(number > asked for number in left)

    with listening(note) as runner, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(300)))
    assert len(left) < 300


def test_who_gives_up_waiting_takes_nobody_with_him() -> None:
    held = Held()
    with listening(held) as runner, ThreadPoolExecutor(4) as pool:
        first = pool.submit(wake, runner, timeout_seconds=8)
        assert held.asked.acquire(timeout=5)
        hasty = wake(runner, timeout_seconds=0.1)
        assert hasty == WakeOutcome(False, "timed_out")
        patient = pool.submit(wake, runner, timeout_seconds=8)
        held.released.set()
        assert first.result(10).status == patient.result(10).status == "accepted"
        assert wake(runner).status == "accepted"
    assert len(runner.requests) == 3


def test_a_failure_is_shared_and_the_next_goes_on(unused_listener: Listener) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(lambda _: wake(unused_listener), range(20)))
    assert outcomes == {WakeOutcome(False, "unreachable")}


@pytest.fixture
def unused_listener() -> Listener:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return Listener(server.getsockname()[1])


# Connected ahead


@pytest.mark.parametrize("send", [wake, name_it])
def test_a_connection_made_ahead_carries_the_next_wake_up(
    send: Callable[[Listener], WakeOutcome],
) -> None:
    with listening(answer(202)) as runner:
        for _ in range(3):
            prepare([runner.url], timeout_seconds=2)
        wait_until(lambda: runner.connections == 1, message="the runner is connected to")
        assert runner.requests == []
        assert send(runner) == WakeOutcome(True, "accepted")
        assert (runner.connections, len(runner.requests)) == (1, 1)
        assert send(runner) == WakeOutcome(True, "accepted")
        assert (runner.connections, len(runner.requests)) == (2, 2)


def test_none_is_made_ahead_while_a_wake_up_is_under_way() -> None:
    held = Held()
    with listening(held) as runner, ThreadPoolExecutor(1) as pool:
        first = pool.submit(wake, runner, timeout_seconds=8)
        assert held.asked.acquire(timeout=5)
        before = calls_under_way()
        prepare([runner.url], timeout_seconds=2)
        assert calls_under_way() <= before
        held.released.set()
        assert first.result(10).status == wake(runner).status == "accepted"
        assert runner.connections == len(runner.requests) == 2


@pytest.mark.parametrize(
    "later",
    [
        pytest.param((2.5, 2.5), id="it is late"),
        pytest.param((2.5, 0.1), id="it is late, and the clock was set"),
        pytest.param((0.1, 3_600.0), id="the process was frozen, and its clock with it"),
        pytest.param((0.1, -3_600.0), id="the clock was set"),
    ],
)
def test_a_connection_that_may_be_closed_by_now_is_not_used(
    later: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(answer(202)) as runner:
        monkeypatch.setattr(wake_client, "time", clocks(0.0, 0.0))
        monkeypatch.setattr(wake_client, "UNSENT_SECONDS", 0.1)
        prepare([runner.url], timeout_seconds=2)
        wait_until(lambda: runner.connections == 1, message="the runner is connected to")
        monkeypatch.setattr(wake_client, "time", clocks(*later))
        assert wake(runner) == WakeOutcome(True, "accepted")
        assert (runner.connections, len(runner.requests)) == (2, 1)


def test_a_wrong_answer_to_a_call_made_ahead_is_an_answer() -> None:
    with listening(answer(500)) as runner:
        prepare([runner.url], timeout_seconds=2)
        assert wake(runner) == WakeOutcome(True, "error")
        assert len(runner.requests) == 1


def test_a_runner_that_starts_while_the_job_is_committed_is_woken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    prepare([f"http://127.0.0.1:{port}"], timeout_seconds=2)
    wait_until(lambda: not calls_under_way(), message="it is known that nobody listens")
    with listening(answer(202), port=port) as runner:
        assert wake(runner) == WakeOutcome(True, "accepted")


def test_a_runner_that_is_started_anew_while_the_job_is_committed_is_woken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        prepare([f"http://127.0.0.1:{port}"], timeout_seconds=2)
        server.accept()[0].close()
    with listening(answer(202), port=port) as runner:
        assert wake(runner) == WakeOutcome(True, "accepted")


def test_a_call_that_is_not_sent_is_closed_with_nothing_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wake_client, "UNSENT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        call = WakeCall(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_seconds=2)
        conn, _ = server.accept()
        with conn:
            conn.settimeout(5)
            assert conn.recv(1) == b""
    assert call.send(TOKEN, timeout_seconds=2) == WakeOutcome(False, "error")


# Several runners


@contextmanager
def several(*replies: Answer | None) -> Iterator[list[Listener]]:
    runners: list[Listener] = []
    if not replies:
        yield runners
        return
    with listening(replies[0]) as first, several(*replies[1:]) as rest:
        yield [first, *rest]


def test_every_runner_is_woken() -> None:
    with several(answer(202), answer(202), answer(202)) as runners:
        assert wake(*runners) == WakeOutcome(True, "accepted")
        assert [len(runner.requests) for runner in runners] == [1, 1, 1]


def test_all_share_one_budget_and_one_that_hangs_holds_up_no_other() -> None:
    with several(silent, None, answer(202)) as runners:
        started = time.monotonic()
        assert wake(*runners, timeout_seconds=0.5) == WakeOutcome(True, "accepted", failed=2)
        assert time.monotonic() - started < 0.9
        assert len(runners[2].requests) == 1


def test_while_one_hangs_the_others_are_woken_again_and_again() -> None:
    with several(silent, answer(202)) as runners, ThreadPoolExecutor(4) as pool:
        hanging = [pool.submit(wake, *runners, timeout_seconds=1) for _ in range(3)]
        for future in hanging:
            assert future.result(10).status == "accepted"
        wait_until(lambda: len(runners[1].requests) >= 2, message="the other is woken meanwhile")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((503, 202), WakeOutcome(True, "accepted", failed=1)),
        ((401, 401), WakeOutcome(True, "unauthorized")),
        ((500, 401), WakeOutcome(True, "error")),
    ],
)
def test_the_best_that_happened_counts(statuses: tuple[int, ...], expected: WakeOutcome) -> None:
    with several(*(answer(status) for status in statuses)) as runners:
        assert wake(*runners) == expected


# Naming a job


def test_a_single_runner_is_told_the_job() -> None:
    with listening(answer(202)) as runner:
        assert name_it(runner).status == "accepted"
    assert bodies(runner) == [f'{{"job_id": "{JOB_ID}", "job_type": "greet"}}'.encode()]


def test_one_of_several_that_allows_the_type_is_enough() -> None:
    with several(answer(403), answer(202)) as runners:
        assert name_it(*runners).status == "accepted"
    for runner in runners:
        assert bodies(runner) == [b'{"job_type": "greet"}'], (
            "told the id, the first would reject it"
        )


def test_when_all_refuse_the_type_one_is_told_the_job_to_reject_it() -> None:
    with several(answer(403), answer(403)) as runners:
        assert name_it(*runners).status == "refused"
    assert bodies(runners[0])[1:] == [f'{{"job_id": "{JOB_ID}", "job_type": "greet"}}'.encode()]
    assert len(bodies(runners[1])) == 1


def test_a_runner_that_cannot_be_asked_might_allow_it(unused_listener: Listener) -> None:
    with listening(answer(403)) as runner:
        assert name_it(runner, unused_listener).status != "accepted"
        assert name_it(unused_listener, runner).status != "accepted"
    assert bodies(runner) == [b'{"job_type": "greet"}'] * 2
