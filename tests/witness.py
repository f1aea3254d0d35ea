"""Sees every output of the suite, and whether a secret is in it.

Every secret of the tests has `CANARY` in it, or is told by `watch`. What processes print, what the
API and the listener answer, what a test leaves in the database and what pytest captured is shown to
`saw`; a test during which a secret came out fails, whatever it was about.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

CANARY = "c4n4ry"


def _encoded(secret: str) -> set[str]:
    """Return the secret as it is, in hex, and in base64 at each of the three alignments."""
    raw = secret.encode()
    forms = {secret, raw.hex()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        skipped = (shift * 8 + 5) // 6  # characters that carry bits of what comes before
        forms.add(text[skipped:-1])
    return forms


_forms: set[str] = _encoded(CANARY)
_leaks: list[str] = []


def watch(secret: str) -> None:
    """Look out for one more secret, that only this run knows."""
    if len(secret) >= 8:
        _forms.update(_encoded(secret))


def saw(where: str, *texts: str | bytes) -> None:
    """Take note of an output."""
    for text in texts:
        plain = text.decode(errors="replace") if isinstance(text, bytes) else text
        for form in _forms:
            if form in plain:
                found = re.sub(re.escape(form), "<SECRET>", plain)
                at = found.index("<SECRET>")
                _leaks.append(f"{where}: ...{found[max(0, at - 80) : at + 80]}...")


def leaks() -> list[str]:
    """Return the leaks seen since the last call."""
    seen = list(_leaks)
    _leaks.clear()
    return seen


def saw_rows(where: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Take note of what stands in the database."""
    for row in rows:
        saw(where, str(row))
