"""Messages between our processes: JSON objects behind a four-byte length, with a cap."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

from worker.payloads import PAYLOAD_MAX_BYTES

# Escaped in JSON again, a payload or result can grow to twice its size.
FRAME_MAX_BYTES = 2 * PAYLOAD_MAX_BYTES + 100_000

_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """The peer sent what is no frame; nothing after it can be trusted."""


def pack(message: dict[str, Any]) -> bytes:
    """Return `message` as a frame."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(
        errors="surrogatepass"
    )
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Yield the messages that `data` completes; raises FrameError at the first that is none."""
        self._buffer += data
        taken = 0
        try:
            while len(self._buffer) - taken >= _LENGTH.size:
                (size,) = _LENGTH.unpack_from(self._buffer, taken)
                if size > FRAME_MAX_BYTES:
                    raise FrameError(f"a frame of {size} bytes")
                start, end = taken + _LENGTH.size, taken + _LENGTH.size + size
                if len(self._buffer) < end:
                    return
                taken = end
                yield _message(bytes(self._buffer[start:end]))
        finally:
            del self._buffer[:taken]


def read_frame(connection: socket.socket) -> dict[str, Any] | None:
    """Wait for one message on a blocking socket; None when the peer is gone."""
    head = _read_exactly(connection, _LENGTH.size)
    if head is None:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > FRAME_MAX_BYTES:
        raise FrameError(f"a frame of {size} bytes")
    body = _read_exactly(connection, size)
    return None if body is None else _message(body)


def _read_exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        data = connection.recv(size - len(parts))
        if not data:
            return None
        parts += data
    return bytes(parts)


def _message(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise FrameError("not an object")
    return message
