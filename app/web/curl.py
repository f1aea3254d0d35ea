"""Requests to copy into a shell."""

from __future__ import annotations

import json
from typing import Any


def curl_line(method: str, path: str, body: Any = None, *, with_key: bool = True) -> str:
    """Return a curl command; $OPS and $OPS_API_KEY stand for the address and the key."""
    lines = [f'curl -sS{"" if method == "GET" else f" -X {method}"} "$OPS{path}"']
    if with_key:
        lines.append('-H "X-Ops-Key: $OPS_API_KEY"')
    if body is not None:
        quoted = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
        lines += ['-H "Content-Type: application/json"', f"-d '{quoted}'"]
    return " \\\n  ".join(lines)
