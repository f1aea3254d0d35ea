"""Keys and secrets that open nothing, in every shape that a client might send them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bad_input.case import CANARY, UNKNOWN, Case, got
from tests.control_plane import JOBS, KEY

CRON = "/api/v1/ops/cron/wake"


def keys() -> Iterator[Case]:
    shapes: dict[str, str | bytes | None] = {
        "no key": None,
        "empty": "",
        "another": CANARY,
        "its beginning": KEY[:-1],
        "one character more": KEY + "x",
        "its first character": KEY[:1],
        "upper case": KEY.upper(),
        "as a bearer token": f"Bearer {KEY}",
        "in quotes": f'"{KEY}"',
        "twice": f"{KEY},{KEY}",
        "kilobytes": KEY * 200,
        "latin-1": b"schl\xfcssel",
        "bytes outside ASCII": b"\x80\xff\xfe",
        "UTF-8 look-alike": "\u0430-key".encode(),
        "percent-encoded": KEY.replace("-", "%2D"),
        "true": "true",
        "null": "null",
        "a list": f"[{KEY}]",
    }
    for name, key in shapes.items():
        yield got(JOBS, 401, "invalid_key", key=key, headers=(("X-Case", name),))
        yield Case(f"POST with {name}", 401, "invalid_key", data=b"{}", key=key)
    twice = (("X-Ops-Key", KEY),)
    yield Case("the right key twice", 401, "invalid_key", method="GET", headers=twice)
    for path in (f"{JOBS}?X-Ops-Key={KEY}", f"{JOBS}?key={KEY}"):
        yield Case("the key in the query", 401, "invalid_key", method="GET", path=path, key=None)
    yield Case("the key as a cookie", 401, "invalid_key", method="GET", key=None,
               headers=(("Cookie", f"X-Ops-Key={KEY}"),))  # fmt: skip
    yield Case("the key as Authorization", 401, "invalid_key", method="GET", key=None,
               headers=(("Authorization", f"Bearer {KEY}"),))  # fmt: skip
    for path in ("/api", "/api/", "/api/v2/x", f"{JOBS}/{UNKNOWN}", "/api/%2e%2e/healthz"):
        for method in ("GET", "POST", "DELETE", "TRACE"):
            yield got(path, 401, "invalid_key", method, key=None)


def cron_secrets() -> Iterator[Case]:
    """The server has no CRON_SECRET: its address is closed to everybody."""
    for value in (None, "", "Bearer", "Bearer ", "Bearer x", "bearer x", "Basic eDp4", CANARY,
                  f"Bearer {KEY}", "Bearer \xff", "Bearer null"):  # fmt: skip
        given = () if value is None else (("Authorization", value),)
        for method in ("GET", "POST"):
            yield Case(f"{method} cron as {value}", 401, "invalid_cron_secret", method=method,
                       path=CRON, headers=given)  # fmt: skip
