"""What travels between runner and slots, and what is made of it."""

from __future__ import annotations

import socket
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.frames import FRAME_MAX_BYTES, Decoder, FrameError, pack, read_frame
from worker.slots.ends import END, End, pack_end, read_end
from worker.slots.output import OUTPUT_MAX_BYTES, OutputBuffer
from worker.slots.runs import Run, Verdict
from worker.slots.verdicts import read_told
from worker.slots.windows import Ordered, pack_window, read_window

messages = st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), max_size=5)


@given(messages, st.integers(1, 7))
def test_messages_survive_any_cut_of_the_stream(sent: list[dict[str, Any]], size: int) -> None:
    stream = b"".join(map(pack, sent))
    decoder = Decoder()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [message for piece in pieces for message in decoder.feed(piece)] == sent


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x01{", b"\x00\x00\x00\x01\xff"],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(Decoder().feed(data))


def test_a_frame_is_read_from_a_socket_and_its_end_is_none() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(pack({"a": "\u00e9"}) + pack({"b": 2})[:5])
        there.close()
        assert read_frame(here) == {"a": "\u00e9"}
        assert read_frame(here) is None


def test_the_largest_payload_and_result_fit_into_a_frame() -> None:
    assert len(pack({"payload": '"' * 2_000_000})) < FRAME_MAX_BYTES


def test_short_output_is_kept_whole() -> None:
    buffer = OutputBuffer()
    buffer.add(b"a" * OUTPUT_MAX_BYTES)
    output = buffer.take()
    assert output is not None
    assert (len(output.text), output.is_truncated) == (OUTPUT_MAX_BYTES, False)
    assert buffer.take() is None


def test_long_output_keeps_head_and_tail_in_bounded_memory() -> None:
    buffer = OutputBuffer()
    buffer.add(b"head")
    for _ in range(1_000):
        buffer.add(b"x" * 1_000)
        assert len(buffer._head) + len(buffer._tail) < 4 * OUTPUT_MAX_BYTES
    buffer.add(b"tail")
    output = buffer.take()
    assert output is not None
    assert output.text.startswith("headx")
    assert output.text.endswith("xtail")
    assert (output.size_bytes, output.is_truncated) == (1_000_008, True)
    assert "[... 936008 bytes left out ...]" in output.text


def an_end(verdict: Verdict, text: str = "", **changes: Any) -> End:
    return End(7, verdict, text, None, 0.5, False, True)._replace(**changes)


def body_of(end: End) -> bytes:
    (body,) = Decoder().bodies(pack_end(end))
    return body


ends = st.builds(
    an_end,
    st.sampled_from([Verdict.FAILED, Verdict.GAVE_UP, Verdict.CANCELLED]),
    st.text("ab \N{SNOWMAN}"),
    number=st.integers(0, 2**49),
    seconds=st.none() | st.floats(0, 1e9),
    is_stopped=st.booleans(),
    is_reusable=st.booleans(),
)


@given(st.lists(ends), st.integers(1, 7))
def test_ends_survive_any_cut_of_the_stream(sent: list[End], size: int) -> None:
    stream = b"".join(map(pack_end, sent))
    decoder = Decoder()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [read_end(body) for piece in pieces for body in decoder.bodies(piece)] == sent


@pytest.mark.parametrize(
    "body",
    [
        b"",
        END,
        body_of(an_end(Verdict.FAILED))[:-1],
        body_of(an_end(Verdict.FAILED, "x"))[:-1] + b"\xff",
        body_of(an_end(Verdict.FAILED)).replace(b"\x01", b"\x63", 1),
        body_of(an_end(Verdict.RETRY_LATER)),
        body_of(an_end(Verdict.RETRY_LATER, delay_seconds=float("inf"))),
    ],
)
def test_an_end_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        read_end(body)


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), 1e300])
def test_the_length_of_a_run_is_believed_only_within_reason(seconds: float) -> None:
    assert read_end(body_of(an_end(Verdict.FAILED, seconds=seconds))).seconds is None


def test_a_delay_is_never_negative_and_never_for_ever() -> None:
    asked = [-5.0, 5.0, 1e300]
    ends = [an_end(Verdict.RETRY_LATER, delay_seconds=seconds) for seconds in asked]
    assert [read_end(body_of(end)).delay_seconds for end in ends] == [0, 5, 366 * 86_400]


def test_a_forged_success_is_checked_again() -> None:
    end = read_end(body_of(an_end(Verdict.SUCCEEDED, "[]")))
    assert end.verdict is Verdict.RESULT_INVALID
    assert end.text == "an object is expected, not list"


def test_runs_travel_together_as_far_as_they_are_small() -> None:
    runs = [
        Run(uuid4(), number, "t", 2, payload, 9.0, 0.001, None)
        for number, payload in enumerate(["{}", "x" * 70_000, "y" * 40_000, "z" * 40_000, "{}"])
    ]
    frames = list(Decoder().bodies(pack_window(5, runs)))
    windows = [list(read_window(body)) for body in frames]
    assert [len(window) for window in windows] == [1, 1, 1, 2]
    ordered = [run for window in windows for run in window]
    assert ordered == [
        Ordered(number, run.id, run.claim_seq, "t", 2, run.payload_text, None)
        for number, run in enumerate(runs, 5)
    ]


def test_forged_progress_is_reduced_to_what_is_storable() -> None:
    data = {"done": float("nan"), "total": 3, "message": "a\x00", "more": {"x": set()}}
    told = read_told({"kind": "progress", "data": data})
    assert told == ("progress", None, {"total": 3, "message": "a\ufffd"})
    assert read_told({"kind": "log", "message": 5}) is None
