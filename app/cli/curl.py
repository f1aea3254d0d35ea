"""The curl command that does what `ops` did; the key is always the variable, never its value."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

KEY_HEADER = '"X-Ops-Key: $OPS_API_KEY"'


def curl_line(
    method: str, url: str, *, body: str | None = None, headers: Mapping[str, str] | None = None
) -> str:
    """Return one line that a person pastes into a shell where OPS_API_KEY is set."""
    words = ["curl", "-sS", *(["-X", method] if method != "GET" else []), "-H", KEY_HEADER]
    for name, value in (headers or {}).items():
        words += ["-H", shlex.quote(f"{name}: {value}")]
    if body is not None:
        words += ["-d", shlex.quote(body)]
    return " ".join([*words, shlex.quote(url)])
