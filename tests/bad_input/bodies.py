"""Bodies that are too long, of another type, or no JSON that two parsers would read alike."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

from tests.bad_input.case import BATCH, CANARY, GOOD, JSON, NDJSON, Case, posted
from tests.control_plane import JOBS


def sizes() -> Iterator[Case]:
    long = b'{"job_type": "unheard_of", "payload": {"x": "' + CANARY.encode() * 27_000 + b'"}}'
    yield posted("one above the limit", GOOD.ljust(262_145), 413, "body_too_large")
    yield posted("two above the limit", GOOD.ljust(262_146), 413, "body_too_large")
    yield posted("270 kB", long, 413, "body_too_large")
    yield posted("a gigabyte announced", GOOD, 413, "body_too_large", length="1073741824")
    chunk = b"%x\r\n%b\r\n" % (len(long), long)
    chunked = (("Transfer-Encoding", "chunked"),)
    yield posted("chunked across the limit", chunk + b"0\r\n\r\n", 413, "body_too_large",
                 length="", headers=chunked)  # fmt: skip
    yield posted("less than announced", GOOD, 400, "bad_request", length="100")
    batch = {"path": BATCH, "content_type": NDJSON}
    yield posted("a long job in a batch", GOOD + b"\n" + long, 413, "body_too_large", **batch)
    yield posted("a batch of 16 MiB and one byte", (GOOD + b"\n") * 621_379, 413, "body_too_large",
                 **batch)  # fmt: skip
    yield posted("too many jobs", (GOOD + b"\n") * 10_001, 400, "invalid_body", **batch)


def media_types() -> Iterator[Case]:
    for media_type in (
        None, "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data",
        "application/json-patch+json", "application/jsonx", "application/*", "*/*", CANARY,
        "application/json; charset=utf-7", "application/json; charset=utf-16",
        "application/json; charset=latin-1", f"application/json; charset={CANARY}", NDJSON,
    ):  # fmt: skip
        yield posted(f"as {media_type}", GOOD, 415, "unsupported_media_type",
                     content_type=media_type)  # fmt: skip
    for media_type in (None, "text/plain", "application/jsonl", f"{NDJSON}; charset=utf-16"):
        yield posted(f"batch as {media_type}", GOOD, 415, "unsupported_media_type", path=BATCH,
                     content_type=media_type)  # fmt: skip
    bomb = gzip.compress(b'{"job_type": "' + b"a" * 1_000_000 + b'"}')
    for encoding in ("gzip", "deflate", "br", "x", f"identity, {CANARY}"):
        for path in (JOBS, BATCH):
            yield posted(f"encoded {encoding}", bomb, 415, "unsupported_media_type", path=path,
                         headers=(("Content-Encoding", encoding),))  # fmt: skip


def payload(text: str) -> bytes:
    return f'{{"job_type": "unheard_of", "payload": {text}}}'.encode()


NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "white space": b"  \n",
    "cut off": GOOD[:-1],
    "two documents": GOOD + GOOD,
    "canary": CANARY.encode(),
    "canary in quotes": f'"{CANARY}"'.encode(),
    "canary as a key": f'{{"{CANARY}": }}'.encode(),
    "list": b"[" + GOOD + b"]",
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "minus nothing": b"-0",
    "string": b'"x"',
    "empty list": b"[]",
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without mark": GOOD.decode().encode("utf-16-le"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "invalid UTF-8": b'{"job_type": "\xff"}',
    "overlong UTF-8": b'{"job_type": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"job_type": "\xed\xa0\x80"}',
    "truncated UTF-8": b'{"job_type": "\xe2\x82"}',
    "UTF-8 beyond Unicode": b'{"job_type": "\xf4\x90\x80\x80"}',
    "comma": b'{"job_type": "unheard_of",}',
    "comma first": b'{,"job_type": "unheard_of"}',
    "two commas": b'{"job_type": "unheard_of",,"queue": "a"}',
    "no comma": b'{"job_type": "unheard_of" "queue": "a"}',
    "no colon": b'{"job_type" "unheard_of"}',
    "two colons": b'{"job_type":: "unheard_of"}',
    "equals": b'{"job_type" = "unheard_of"}',
    "no quotes": b"{job_type: 1}",
    "single quotes": b"{'job_type': 'unheard_of'}",
    "curly quotes": '{\u201cjob_type\u201d: 1}'.encode(),
    "number as a key": b'{1: "a"}',
    "null as a key": b'{null: "a"}',
    "comment": b'{"job_type": "unheard_of" /* x */}',
    "line comment": b'{"job_type": "unheard_of"} // x',
    "hash comment": b'# x\n{"job_type": "unheard_of"}',
    "semicolon": GOOD + b";",
    "closed twice": GOOD + b"}",
    "wrong bracket": b'{"job_type": "unheard_of"]',
    "only opened": b"{",
    "only closed": b"}",
    "form feed": GOOD + b"\x0c",
    "no-break space": GOOD + "\u00a0".encode(),
    "NUL after": GOOD + b"\x00",
    "python": b"{'job_type': True}",
    "xml": b"<job/>",
    "yaml": b"job_type: unheard_of",
    "form": b"job_type=unheard_of",
    "NaN": payload('{"x": NaN}'),
    "nan": payload('{"x": nan}'),
    "Infinity": payload('{"x": Infinity}'),
    "minus infinity": payload('{"x": -Infinity}'),
    "1e400": payload('{"x": 1e400}'),
    "minus 1e400": payload('{"x": -1e400}'),
    "1e-400": payload('{"x": 1e-400}'),
    "40 digits": payload('{"x": ' + "7" * 40 + "}"),
    "5,000 digits": payload('{"x": ' + "7" * 5_000 + "}"),
    "leading zero": payload('{"x": 01}'),
    "hexadecimal": payload('{"x": 0x1}'),
    "octal": payload('{"x": 0o1}'),
    "plus": payload('{"x": +1}'),
    "two signs": payload('{"x": --1}'),
    "point first": payload('{"x": .5}'),
    "point last": payload('{"x": 1.}'),
    "exponent alone": payload('{"x": 1e}'),
    "two points": payload('{"x": 1.2.3}'),
    "underscore": payload('{"x": 1_000}'),
    "thousands": payload('{"x": 1,000}'),
    "other digits": payload('{"x": \u0661}'),
    "True": payload('{"x": True}'),
    "undefined": payload('{"x": undefined}'),
    "raw line break": payload('{"x": "a\nb"}'),
    "raw tab": payload('{"x": "a\tb"}'),
    "raw NUL": payload('{"x": "a\x00b"}'),
    "wrong escape": payload('{"x": "\\x41"}'),
    "short escape": payload('{"x": "\\u12"}'),
    "escape at the end": payload('{"x": "\\"}'),
    "NUL": payload('{"x": "\\u0000"}'),
    "NUL as a key": payload('{"\\u0000": 1}'),
    "first half of a surrogate pair": payload('{"x": "\\ud800"}'),
    "second half of a surrogate pair": payload('{"x": "\\udfff"}'),
    "surrogates in disorder": payload('{"x": "\\udc00\\ud800"}'),
    "half a surrogate pair as a key": payload('{"\\ud800": 1}'),
    "same key twice": payload(f'{{"{CANARY}": 1, "{CANARY}": 2}}'),
    "same key by escape": payload('{"a": 1, "\\u0061": 2}'),
    "same key at the top": b'{"job_type": "a", "job_type": "b"}',
    "deep": payload('{"x":' * 40 + "1" + "}" * 40),
    "33 deep": payload("[" * 32 + "]" * 32).replace(b"[", b'{"x":', 1).replace(b"]", b"}", 1),
    "very deep": payload("[" * 100_000 + "]" * 100_000),
    "never closed": payload("[" * 100_000),
    "objects never closed": payload('{"a":' * 30_000),
    "quotes and backslashes": b'{"' + b'\\"' * 100_000,
}  # fmt: skip


def syntax() -> Iterator[Case]:
    for name, data in NO_JSON.items():
        yield posted(f"JSON: {name}", data, 400, "invalid_json")


def batches() -> Iterator[Case]:
    options: dict[str, Any] = {"path": BATCH}
    for name, data in {
        "nothing": b"",
        "blank lines": b"\n \n",
        "an object": GOOD,
        "null": b"null",
        "a string": b'"[]"',
        "not closed": b"[" + GOOD,
        "closed twice": b"[" + GOOD + b"]]",
        "a comma too much": b"[" + GOOD + b",]",
        "a comma too few": b"[" + GOOD + GOOD + b"]",
        "lists in a list": b"[[" + GOOD + b"]]",
        "a number": b"[1]",
        "something after": b"[" + GOOD + b"] " + CANARY.encode(),
        "invalid UTF-8": b"[" + GOOD + b', {"job_type": "\xff"}]',
        "a key twice": b'[{"job_type": "a", "job_type": "b"}]',
        "very deep": b"[" * 100_000 + b"]" * 100_000,
        "canary": b"[" + CANARY.encode() + b"]",
    }.items():
        yield posted(f"batch: {name}", data, 400, "invalid_json", content_type=JSON, **options)
    for name, data in {
        "cut off": GOOD + b"\n" + GOOD[:-1],
        "an array": b"[" + GOOD + b"]\n",
        "commas": GOOD + b",\n" + GOOD,
        "canary": GOOD + b"\n" + CANARY.encode(),
        "NaN": GOOD + b'\n{"job_type": "a", "payload": {"x": NaN}}',
    }.items():
        yield posted(f"lines: {name}", data, 400, "invalid_json", content_type=NDJSON, **options)
    yield posted("batch: empty", b"[]", 400, "invalid_body", **options)
    yield posted("batch: a wrong field", b'[{"job_type": "A"}]', 400, "invalid_body", **options)
    yield posted("batch: no job type", b"{}\n" * 30, 400, "invalid_body", content_type=NDJSON,
                 **options)  # fmt: skip
    for key in ("k", ""):
        yield posted(f"batch with the key {key!r}", b"[" + GOOD + b"]", 400, "invalid_header",
                     headers=(("Idempotency-Key", key),), **options)  # fmt: skip
