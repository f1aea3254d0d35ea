"""What one attempt printed: head and tail are kept, the middle of a flood is only counted."""

from __future__ import annotations

from dataclasses import dataclass

from worker.texts import clean

OUTPUT_MAX_BYTES = 64_000
_HALF = OUTPUT_MAX_BYTES // 2


@dataclass(frozen=True, slots=True)
class Output:
    """Storable text of what an attempt printed; `size_bytes` counts what was left out too."""

    text: str
    size_bytes: int
    is_truncated: bool


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
