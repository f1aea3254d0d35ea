"""Cursors of lists: opaque to callers, and refused when they were altered."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from app.web.errors import FieldError, Problem

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)


def encode_cursor(key: bytes) -> str:
    """Return the cursor of the row with this key, with a checksum."""
    checked = key + zlib.crc32(key).to_bytes(4, "big")
    return base64.urlsafe_b64encode(checked).rstrip(b"=").decode()


def decode_cursor(cursor: str, *, length: int | None = None) -> bytes:
    """Return the key (of `length` bytes, where given) that `cursor` was made of. Raises Problem."""
    try:
        checked = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        checked = b""
    key = checked[:-4]
    if (length is not None and len(key) != length) or encode_cursor(key) != cursor:
        raise _refusal()
    return key


def encode_name(name: str) -> str:
    """Return the cursor of the row with this name."""
    return encode_cursor(name.encode())


def decode_name(cursor: str) -> str:
    """Return the name that `cursor` was made of. Raises Problem."""
    name = decode_cursor(cursor).decode("ascii", "replace")
    if not _NAME.fullmatch(name):
        raise _refusal()
    return name


def _refusal() -> Problem:
    error = FieldError(
        "invalid", "Not a cursor of this list; start again without it.", parameter="cursor"
    )
    return Problem("invalid_query", errors=[error])
