"""What one attempt printed: head and tail are kept, the middle of a flood is only counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from worker.texts import clean

OUTPUT_MAX_BYTES = 64_000
_HALF = OUTPUT_MAX_BYTES // 2


@dataclass(frozen=True, slots=True)
class Output:
    """Storable text of what an attempt printed; `size_bytes` counts what was left out too."""

    text: str
    size_bytes: int
    is_truncated: bool


_MARK = b"\x00\x1eops-run-end "
_MARK_END = b"\x1e\x01"


def end_mark(number: int) -> bytes:
    """Return what a slot prints after its run `number`, so that the runner can tell runs apart."""
    return b"%b%d%b" % (_MARK, number, _MARK_END)


class OutputBuffer:
    """Collects the bytes of stdout and stderr of one attempt in bounded memory."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0

    @property
    def size_bytes(self) -> int:
        return self._size

    def add(self, data: bytes) -> None:
        """Keep `data` as far as there is room."""
        self._size += len(data)
        room = _HALF - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 4 * _HALF:
            del self._tail[:-_HALF]

    def take(self) -> Output | None:
        """Return what was printed (None if nothing was) and begin anew."""
        del self._tail[:-_HALF]
        head, tail, size = bytes(self._head), bytes(self._tail), self._size
        self._head.clear()
        self._tail.clear()
        self._size = 0
        dropped = size - len(head) - len(tail)
        if not size:
            return None
        if not dropped:
            text = (head + tail).decode(errors="replace")
        else:
            mark = f"\n[... {dropped} bytes left out ...]\n"
            text = head.decode(errors="replace") + mark + tail.decode(errors="replace")
        limit = OUTPUT_MAX_BYTES + 100
        return Output(clean(text, limit), size, dropped > 0 or len(text.encode()) > limit)


class OutputByRun:
    """Cuts what one slot prints at the marks between its runs, whose numbers grow.

    Only the mark that is due counts. The numbers begin at a random one, so that what a handler
    prints by accident, or because a payload had it so, is no mark.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._buffer = OutputBuffer()
        self._due: deque[int] = deque()
        self._last = -1
        self._outputs: dict[int, Output] = {}

    def expect(self, numbers: Iterable[int]) -> None:
        """Note that the slot will come to these runs after those before."""
        self._due.extend(numbers)

    def forget(self, number: int) -> None:
        """Note that the slot will not come to run `number`."""
        self._due.remove(number)

    def add(self, data: bytes) -> None:
        """Take more of what was printed."""
        if self._are_marks_alone(data):
            return
        self._pending += data
        while (start := self._pending.find(_MARK)) >= 0:
            number_at = start + len(_MARK)
            end = self._pending.find(_MARK_END, number_at, number_at + 24)
            if end < 0 and len(self._pending) < number_at + 24:
                self._pass_on(start)  # the rest of the mark is on its way
                return
            number = bytes(self._pending[number_at:end]) if end >= 0 else b""
            if not self._is_mark(number):
                self._pass_on(number_at)
                continue
            self._pass_on(start)
            del self._pending[: end - start + len(_MARK_END)]
            self._end(int(number))
        kept = len(self._pending)
        tail = self._pending[-len(_MARK) :]
        for size in range(min(len(_MARK) - 1, len(tail)), 0, -1):
            if tail.endswith(_MARK[:size]):
                kept -= size
                break
        self._pass_on(kept)

    def has_ended(self, number: int) -> bool:
        """Whether the mark of run `number` was read."""
        return number <= self._last

    def take(self, number: int) -> Output | None:
        """Return what run `number` printed; all that there is where its mark never came."""
        if number <= self._last:
            return self._outputs.pop(number, None)
        if number in self._due:
            self.forget(number)
        self._pass_on(len(self._pending))
        return self._buffer.take()

    def _are_marks_alone(self, data: bytes) -> bool:
        """Take `data` where it is no more than the marks that are due: most runs print nothing."""
        if self._pending or self._buffer.size_bytes or not (self._due and data.startswith(_MARK)):
            return False
        count = len(data) // len(end_mark(self._due[0]))
        if data != b"".join(map(end_mark, islice(self._due, count))):
            return False
        for _ in range(count):
            self._last = self._due.popleft()
        return True

    def _is_mark(self, digits: bytes) -> bool:
        if not digits.isdigit():
            return False
        return int(digits) == self._last or (bool(self._due) and int(digits) == self._due[0])

    def _end(self, number: int) -> None:
        output = self._buffer.take() if self._buffer.size_bytes else None
        if number == self._last:
            return  # a run ends once: what it printed after a mark that it forged is dropped
        self._last = self._due.popleft()
        if output is not None:
            self._outputs[number] = output

    def _pass_on(self, size: int) -> None:
        if size:
            self._buffer.add(bytes(self._pending[:size]))
            del self._pending[:size]
