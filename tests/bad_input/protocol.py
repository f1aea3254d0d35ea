"""Headers that are wrong, and bytes that are no HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bad_input.case import CANARY, GOOD, UNKNOWN, Case, posted
from tests.control_plane import JOBS, KEY

EVENTS = f"{JOBS}/{UNKNOWN}/events"
_KEY = f"X-Ops-Key: {KEY}\r\n".encode()
_HOST = b"Host: x\r\nConnection: close\r\n"


def headers() -> Iterator[Case]:
    for key in ("", "x" * 256, "schl\xfcssel", '""', '" "', '"' + "x" * 257, f"{CANARY}\xa0"):
        yield posted(f"Idempotency-Key {key!r:.20}", GOOD, 400, "invalid_header",
                     headers=(("Idempotency-Key", key),))  # fmt: skip
    for prefer in ("wait", "wait=", "wait=x", "wait=-1", "wait=1.5", "wait=5s", "wait=\xb2",
                   "a, wait=9999999", f"wait={CANARY}"):  # fmt: skip
        yield posted(f"Prefer {prefer!r}", GOOD, 400, "invalid_header",
                     headers=(("Prefer", prefer),))  # fmt: skip
        yield Case(f"GET Prefer {prefer!r}", 400, "invalid_header", method="GET",
                   path=f"{JOBS}/{UNKNOWN}", headers=(("Prefer", prefer),))  # fmt: skip
    for last in ("", "x", "-1", "1e3", "9" * 19, "1 2", CANARY):
        accept = ("Accept", "text/event-stream")
        # Whether the job exists is asked after what was sent is understood.
        yield Case(f"Last-Event-ID {last!r:.20}", 400, "invalid_header", method="GET", path=EVENTS,
                   headers=(accept, ("Last-Event-ID", last)))  # fmt: skip


def malformed() -> Iterator[Case]:
    def raw(name: str, data: bytes, status: int = 400, code: str = "bad_request") -> Case:
        return Case(f"raw: {name}", status, code, raw=data)

    line = f"GET {JOBS} HTTP/1.1\r\n".encode()
    rest = _HOST + _KEY + b"\r\n"
    canary = CANARY.encode()
    yield raw("no HTTP", canary + b"\r\n\r\n")
    yield raw("no version", f"GET {JOBS}\r\n".encode() + rest)
    yield raw("another version", f"GET {JOBS} HTTP/{CANARY}\r\n".encode() + rest)
    yield raw("version 3", f"GET {JOBS} HTTP/3.0\r\n".encode() + rest)
    yield raw("four words", f"GET {JOBS} {CANARY} HTTP/1.1\r\n".encode() + rest)
    yield raw("a verb in lower case", f"get {JOBS} HTTP/1.1\r\n".encode() + rest)
    yield raw("a verb with brackets", f"G({CANARY}) {JOBS} HTTP/1.1\r\n".encode() + rest)
    yield raw("a line of 9 kilobytes", b"GET /" + canary * 900 + b" HTTP/1.1\r\n" + rest)
    yield raw("a header without a colon", line + canary + b"\r\n" + rest)
    yield raw("a header with a space in its name", line + b"X Y: " + canary + b"\r\n" + rest)
    yield raw("a header without a name", line + b": " + canary + b"\r\n" + rest)
    yield raw("a folded header", line + b"X-A: b\r\n " + canary + b"\r\n" + rest)
    yield raw("NUL in a header", line + b"X-A: " + canary + b"\x00\r\n" + rest)
    yield raw("DEL in a header", line + b"X-A: " + canary + b"\x7f\r\n" + rest)
    yield raw("a bare CR in a header", line + b"X-A: a\r" + canary + b"\r\n" + rest)
    yield raw("a header of 64 kilobytes", line + b"X-A: " + b"a" * 65_536 + b"\r\n" + rest)
    yield raw("200 headers", line + b"X-A: b\r\n" * 200 + rest)
    post = f"POST {JOBS} HTTP/1.1\r\n".encode() + b"Content-Type: application/json\r\n"
    for length in ("-1", "x", "1e3", "12 34", "+5", "0x5", "1_0", CANARY):
        yield raw(f"length {length}",
                  post + f"Content-Length: {length}\r\n".encode() + rest + GOOD)  # fmt: skip
    yield raw("two lengths", post + b"Content-Length: 5\r\nContent-Length: 26\r\n" + rest + GOOD)
    yield raw("a list of lengths", post + b"Content-Length: 26, 26\r\n" + rest + GOOD)
    both = b"Content-Length: 26\r\nTransfer-Encoding: chunked\r\n"
    yield raw("length and chunks", post + both + rest + b"0\r\n\r\n" + GOOD)
    for coding in (b"identity", b"gzip", b"chunked, chunked", b"chunked, gzip", b"x" + canary,
                   b"chunked\x0b"):  # fmt: skip
        yield raw(f"coding {coding!r}",
                  post + b"Transfer-Encoding: " + coding + b"\r\n" + rest + GOOD)  # fmt: skip
    chunked = post + b"Transfer-Encoding: chunked\r\n" + rest
    for name, data in {
        "no size": b"\r\n", "a negative size": b"-1\r\n", "a size in words": canary + b"\r\n",
        "an endless size": b"f" * 40 + b"\r\n", "a size with a sign": b"+1\r\na\r\n",
    }.items():  # fmt: skip
        yield raw(f"a chunk of {name}", chunked + data + b"\r\n")
    yield raw("an expectation", post + b"Expect: " + canary + b"\r\n" + rest + GOOD)
