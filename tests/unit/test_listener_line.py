"""The line of wake-ups: one message under way, and never the last one swallowed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from worker.frames import pack, read_frame
from worker.listener.line import Line


@pytest.fixture
def ends() -> Iterator[tuple[Line, socket.socket, threading.Event]]:
    here, there = socket.socketpair()
    there.settimeout(5)
    ended = threading.Event()
    with here, there:
        yield Line(here, on_end=ended.set), there, ended
        there.shutdown(socket.SHUT_RDWR)
        assert ended.wait(5)


Ends = tuple[Line, socket.socket, threading.Event]


def is_silent(runner: socket.socket) -> bool:
    runner.setblocking(False)
    try:
        runner.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        runner.settimeout(5)


def test_a_flood_is_one_message_until_it_is_confirmed(ends: Ends) -> None:
    line, runner, _ = ends
    for _ in range(10_000):
        line.wake()
    assert read_frame(runner) == {"kind": "wake"}
    assert is_silent(runner)


def test_a_wake_up_that_came_meanwhile_makes_another_message(ends: Ends) -> None:
    line, runner, _ = ends
    line.wake()
    line.wake()
    assert read_frame(runner) == {"kind": "wake"}
    runner.sendall(pack({"kind": "woken"}))
    assert read_frame(runner) == {"kind": "wake"}


def test_a_confirmed_line_is_silent_until_the_next_wake_up(ends: Ends) -> None:
    line, runner, _ = ends
    line.wake()
    read_frame(runner)
    runner.sendall(pack({"kind": "woken"}))
    answered = threading.Thread(target=line.state)
    answered.start()
    assert read_frame(runner) == {"kind": "ask", "number": 1}
    runner.sendall(pack({"kind": "state", "number": 1, "state": {}}))
    answered.join(5)
    line.wake()
    assert read_frame(runner) == {"kind": "wake"}


def test_the_answer_goes_to_the_one_who_asked(ends: Ends) -> None:
    line, runner, _ = ends
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(line.state()))
    asking.start()
    asked = read_frame(runner)
    assert asked is not None
    runner.sendall(pack({"kind": "state", "number": 99, "state": {"is": "another's"}}))
    runner.sendall(pack({"kind": "state", "number": asked["number"], "state": {"is": "mine"}}))
    asking.join(5)
    assert answers == [{"is": "mine"}]
