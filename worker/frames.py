"""Messages between our processes: JSON objects behind a four-byte length, with a cap."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

# Escaped in JSON again, a payload can grow to twice its size.
FRAME_MAX_BYTES = 4_100_000

_LENGTH = struct.Struct(">I")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class FrameError(Exception):
    """The peer sent what is no frame; nothing after it can be trusted."""


def frame(body: bytes) -> bytes:
    """Return `body` behind its length."""
    return _LENGTH.pack(len(body)) + body


def pack(message: dict[str, Any]) -> bytes:
    """Return `message` as a frame."""
    return frame(_encode(message).encode(errors="surrogatepass"))


def unpack(body: bytes) -> dict[str, Any]:
    """Return the message of a frame; raises FrameError where it is none."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise FrameError("not an object")
    return message


class Decoder:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Yield the messages that `data` completes; raises FrameError at the first that is none."""
        return map(unpack, self.bodies(data))

    def bodies(self, data: bytes) -> Iterator[bytes]:
        """Yield what is inside the frames that `data` completes, whatever it is."""
        self._buffer += data
        start, size = 0, len(self._buffer)
        try:
            while size - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(self._buffer, start)
                if length > FRAME_MAX_BYTES:
                    raise FrameError(f"a frame of {length} bytes")
                end = start + _LENGTH.size + length
                if end > size:
                    return
                body = bytes(self._buffer[start + _LENGTH.size : end])
                start = end
                yield body
        finally:
            del self._buffer[:start]


def read_frame(connection: socket.socket) -> dict[str, Any] | None:
    """Wait for one message on a blocking socket; None when the peer is gone."""
    head = _read_exactly(connection, _LENGTH.size)
    if head is None:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > FRAME_MAX_BYTES:
        raise FrameError(f"a frame of {size} bytes")
    body = _read_exactly(connection, size)
    return None if body is None else unpack(body)


def _read_exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        data = connection.recv(size - len(parts))
        if not data:
            return None
        parts += data
    return bytes(parts)
