"""What one slot prints is cut at the marks between its runs, however it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.slots.output import OUTPUT_MAX_BYTES, OutputBuffer, OutputByRun, end_mark
from worker.texts import clean

FIRST = 7_000_000

pieces = st.one_of(
    st.binary(max_size=40),
    st.integers(0, 30).map(end_mark),  # of no run here
    st.integers(0, 30).map(lambda size: end_mark(FIRST - 1)[:size]),
    st.integers(0, 30).map(lambda size: end_mark(FIRST - 1)[size:]),
)
outputs = st.lists(st.lists(pieces, max_size=4).map(b"".join), min_size=1, max_size=6)


@given(outputs, st.lists(st.integers(1, 30)))
def test_each_run_has_what_it_printed_whatever_the_pieces(
    printed: list[bytes], sizes: list[int]
) -> None:
    numbers = range(FIRST, FIRST + len(printed))
    by_run = OutputByRun()
    by_run.expect(numbers)
    stream = b"".join(
        text + end_mark(number) for number, text in zip(numbers, printed, strict=True)
    )
    for size in sizes:
        by_run.add(stream[:size])
        stream = stream[size:]
    by_run.add(stream)
    for number, text in zip(numbers, printed, strict=True):
        assert by_run.has_ended(number)
        output = by_run.take(number)
        expected = text.decode(errors="replace")
        assert ("" if output is None else output.text) == clean(expected)


def test_a_run_that_was_called_back_has_no_mark() -> None:
    by_run = OutputByRun()
    by_run.expect([1, 2, 3])
    by_run.forget(2)
    by_run.add(b"one" + end_mark(1) + b"three" + end_mark(3))
    texts = [output.text for number in (1, 3) if (output := by_run.take(number))]
    assert texts == ["one", "three"]


def test_a_second_mark_of_a_run_ends_nothing() -> None:
    by_run = OutputByRun()
    by_run.expect([1, 2])
    by_run.add(b"one" + end_mark(1) + b"more of one" + end_mark(1) + b"two" + end_mark(2))
    texts = [output.text for number in (1, 2) if (output := by_run.take(number))]
    assert texts == ["one", "two"]


def test_without_its_mark_a_run_has_all_that_there_is() -> None:
    by_run = OutputByRun()
    by_run.expect([1])
    by_run.add(b"last words" + end_mark(1)[:5])
    assert not by_run.has_ended(1)
    output = by_run.take(1)
    assert output is not None
    assert output.text.startswith("last words")


@pytest.mark.parametrize("size", [0, 1, OUTPUT_MAX_BYTES, OUTPUT_MAX_BYTES + 1, 500_000])
def test_head_and_tail_are_kept_and_the_rest_is_counted(size: int) -> None:
    buffer = OutputBuffer()
    data = bytes(97 + index % 26 for index in range(size))
    for start in range(0, size, 1_000):
        buffer.add(data[start : start + 1_000])
    output = buffer.take()
    if not size:
        assert output is None
        return
    assert output is not None
    assert output.size_bytes == size
    assert output.is_truncated is (size > OUTPUT_MAX_BYTES)
    half = OUTPUT_MAX_BYTES // 2
    assert output.text[:half] == data[:half].decode()
    assert output.text.endswith(data[-half:].decode())
    assert buffer.take() is None
