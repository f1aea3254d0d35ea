"""What travels between runner and slots, and what is made of it."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.frames import FRAME_MAX_BYTES, Decoder, FrameError, pack, read_frame
from worker.slots.output import OUTPUT_MAX_BYTES, OutputBuffer
from worker.slots.runs import Verdict
from worker.slots.verdicts import read_told, read_verdict

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


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"kind": "died"},
        {"kind": []},
        {"kind": "retry_later"},
        {"kind": "retry_later", "seconds": "x"},
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        read_verdict(message)


def test_a_forged_success_is_checked_again() -> None:
    verdict, text, _ = read_verdict({"kind": "succeeded", "result": "[]"})
    assert (verdict, text) == (Verdict.RESULT_INVALID, "an object is expected, not list")


def test_forged_progress_is_reduced_to_what_is_storable() -> None:
    data = {"done": float("nan"), "total": 3, "message": "a\x00", "more": {"x": set()}}
    told = read_told({"kind": "progress", "data": data})
    assert told == ("progress", None, {"total": 3, "message": "a\ufffd"})
    assert read_told({"kind": "log", "message": 5}) is None
