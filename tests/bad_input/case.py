"""A request that is wrong, and the one right answer to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.control_plane import JOBS, KEY

CANARY = "canary7f3a"
UNKNOWN = "019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a"
JSON = "application/json"
NDJSON = "application/x-ndjson"
BATCH = f"{JOBS}/batch"
GOOD = b'{"job_type": "unheard_of"}'

Headers = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True)
class Case:
    """What is sent, byte by byte where `raw` says so, and the status and code that come back."""

    name: str
    status: int
    code: str
    method: str = "POST"
    path: str = JOBS
    data: bytes | None = None
    content_type: str | None = None
    headers: Headers = ()
    length: str | None = None
    key: str | bytes | None = KEY
    raw: bytes | None = None

    def request(self) -> bytes:
        """Return the bytes of the request."""
        if self.raw is not None:
            return self.raw
        fields: list[tuple[str, str | bytes]] = [("Host", "127.0.0.1"), ("Connection", "close")]
        if self.key is not None:
            fields.append(("X-Ops-Key", self.key))
        if self.content_type is not None:
            fields.append(("Content-Type", self.content_type))
        if self.data is not None or self.length is not None:
            length = self.length if self.length is not None else str(len(self.data or b""))
            fields += [("Content-Length", length)] if length else []
        fields += self.headers
        path = quote(self.path, safe="%/:?&=+,;'()*~-._!$@")
        head = f"{self.method} {path} HTTP/1.1\r\n".encode()
        lines = [name.encode() + b": " + _bytes(value) + b"\r\n" for name, value in fields]
        return head + b"".join(lines) + b"\r\n" + (self.data or b"")


def got(path: str, status: int, code: str, method: str = "GET", **more: Any) -> Case:
    return Case(f"{method} {path[:60]}", status, code, method=method, path=path, **more)


def posted(name: str, data: bytes | None, status: int, code: str, **more: Any) -> Case:
    return Case(name, status, code, data=data, **{"content_type": JSON, **more})


def refused(name: str, content: Any, path: str = JOBS, **more: Any) -> Case:
    """Return a body with wrong fields."""
    data = json.dumps(content).encode()
    return posted(
        f"{path.rpartition('/')[2]}: {name}", data, 400, "invalid_body", path=path, **more
    )


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")
