"""The payload of every job of every system: 100 bytes of JSON. Standard library only."""

from __future__ import annotations

import json
from typing import Any

PAYLOAD_BYTES = 100


def payload(n: int, *, trace: bool = False) -> dict[str, Any]:
    """Return the payload of job number `n`; with `trace` its handler notes when it started."""
    bare = {"n": n, "trace": trace, "text": ""}
    bare["text"] = "x" * (PAYLOAD_BYTES - len(encode(bare)))
    return bare


def encode(value: dict[str, Any]) -> str:
    """Return the JSON text that systems without a serializer of their own are given."""
    return json.dumps(value, separators=(",", ":"))
