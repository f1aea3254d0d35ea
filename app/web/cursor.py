"""Cursors of lists: opaque to callers, and refused when they were altered."""

from __future__ import annotations

import base64
import binascii
import zlib

from app.web.errors import FieldError, Problem


def encode_cursor(key: bytes) -> str:
    """Return the cursor of the row with this key, with a checksum."""
    checked = key + zlib.crc32(key).to_bytes(4, "big")
    return base64.urlsafe_b64encode(checked).rstrip(b"=").decode()


def decode_cursor(cursor: str, *, length: int) -> bytes:
    """Return the key of `length` bytes that `cursor` was made of. Raises Problem."""
    try:
        checked = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        checked = b""
    key = checked[:-4]
    if len(key) != length or encode_cursor(key) != cursor:
        raise Problem(
            "invalid_query",
            errors=[
                FieldError(
                    "invalid",
                    "Not a cursor of this list; start again without it.",
                    parameter="cursor",
                )
            ],
        )
    return key
