"""Foreign text made storable: whatever a handler prints or raises, writing it down cannot fail."""

from __future__ import annotations

import re

ERROR_MAX_BYTES = 4_096

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: str, max_bytes: int = ERROR_MAX_BYTES) -> str:
    """Return `text` without ANSI sequences, control characters, lone surrogates; capped."""
    text = _ANSI.sub("", text[: 4 * max_bytes]).replace("\r\n", "\n").replace("\r", "\n")
    text = _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    mark = "\N{HORIZONTAL ELLIPSIS}"
    return encoded[: max_bytes - len(mark.encode())].decode(errors="ignore") + mark


def describe(error: BaseException) -> str:
    """Return `Type: message` of any exception, even of one whose `__str__` raises."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the handler's own class can raise anything
        message = "(its message could not be read)"
    name = type(error).__name__
    return clean(f"{name}: {message}" if message else name)
