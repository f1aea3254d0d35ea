"""Bad input: each case has one right answer, in one shape, that repeats nothing of what was sent.

The key has a file of its own, and so has the JSON parser; here are the ways into the API.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from app.web.cursor import encode_cursor
from tests.control_plane import JOBS, TRIGGER, problem, serving
from tests.database import url_of

CANARY = "canary7f3a"
UNKNOWN = "019365d2-7a5e-7c3e-9d5b-1f2e3d4c5b6a"
JSON = "application/json"


@dataclass(frozen=True)
class Case:
    """A request and its one right answer."""

    name: str
    status: int
    code: str
    method: str = "POST"
    path: str = JOBS
    data: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    environ: dict[str, Any] = field(default_factory=dict)


def got(path: str, status: int, code: str, method: str = "GET") -> Case:
    return Case(f"{method} {path[:60]}", status, code, method=method, path=path)


def routes() -> Iterator[Case]:
    for path in ("nothing", "jobs/", "jobs//", "Jobs", f"jobs/{UNKNOWN}/nothing", "debug", "%00"):
        yield got(f"/api/v1/ops/{path}", 404, "not_found")
    for path in ("/", "//", "/API/v1/ops/jobs", "/healthz/", "/..;/healthz", "/api2", "/static/x"):
        yield got(path, 404, "not_found")
    yield got(f"/{CANARY}" * 900, 404, "not_found")
    yield got("/api//v1/ops/jobs", 404, "not_found")
    yield got("/api/v1/ops/../ops/jobs", 404, "not_found")
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", CANARY):
        yield got(JOBS, 405, "method_not_allowed", method)
    yield got(TRIGGER, 405, "method_not_allowed")
    yield got("/healthz", 405, "method_not_allowed", "POST")
    yield got(f"{JOBS}/{UNKNOWN}/cancel", 405, "method_not_allowed")
    yield Case("method override", 415, "unsupported_media_type",
               headers={"X-HTTP-Method-Override": "GET"})  # fmt: skip


def ids() -> Iterator[Case]:
    hex_32 = UNKNOWN.replace("-", "")
    for job_id in (
        UNKNOWN, UNKNOWN.upper(), "-1", "0", "+1", "1e3", "1_000", str(2**63), str(2**64),
        "9" * 5000, "\u0661\u0662", hex_32, f"{{{UNKNOWN}}}", f"urn:uuid:{UNKNOWN}",
        UNKNOWN[:-1], UNKNOWN + "0", f"{UNKNOWN}%0A", f"%20{UNKNOWN}", UNKNOWN.replace("0", "_", 1),
        UNKNOWN.replace("1", "\u0661", 1), "%00", "%ff", "..", CANARY, "null", "'%20or%20true--",
    ):  # fmt: skip
        yield got(f"{JOBS}/{job_id}", 404, "job_not_found")
    yield got(f"{JOBS}/{CANARY}/events", 404, "job_not_found")
    yield got(f"{JOBS}/{CANARY}/cancel", 404, "job_not_found", "POST")


def queries() -> Iterator[Case]:
    for limit in ("0", "-1", "201", "1001", "1e9", "NaN", "%205%20", "5%0A", "", "1_0", "+5", "0x5",
                  "%D9%A5", "9" * 400, "5.0", "true", CANARY):  # fmt: skip
        yield got(f"{JOBS}?limit={limit}", 400, "invalid_query")
    cursor = encode_cursor(UUID(UNKNOWN).bytes)
    for bad in ("", "x", CANARY, cursor[:-1], cursor + "A", cursor[:-2] + "AA", cursor + "=",
                encode_cursor(b"short"), UNKNOWN, "AAAA", "%ff", "%2B/"):  # fmt: skip
        yield got(f"{JOBS}?cursor={bad}", 400, "invalid_query")
    for query in (
        "limit=5&limit=5", "limit", "limit=5&", "&", "=", "==", f"{CANARY}=1", "offset=0",
        "sort=id", "order=(select%201)", "status=gone", "status=Queued", "status=",
        f"status={CANARY}", "status=queued%00", "job_type=%ff", "job_type=A",
        "job_type=a;drop", "job_type=../x",
        f"job_type={CANARY.upper()}", "job_type=", "queue=a%20b", "tag=", "tag=" + "x" * 65,
        "since=infinity", "since=-infinity", "since=now", "since=0", "since=2026-01-01",
        "since=2026-01-01T00:00:00", "since=2026-01-01T00:00:00+01:00", "since=2026-02-30T00:00Z",
        "since=2026-01-01T24:00Z", "since=2026-01-01T00:60Z", "since=0000-01-01T00:00Z",
        "since=10000-01-01T00:00Z", "since=-044-01-01T00:00Z", "since=2026-01-01T00:00%2B25:00",
        "since=0001-01-01T00:00%2B14:00", "until=9999-12-31T23:59-14:00", "since=2h",
        f"since={CANARY}", "pretty=yes", "pretty=2", "wake=0", "\xff=1", "a=%zz",
        "&".join(f"x{n}=1" for n in range(100)),
    ):  # fmt: skip
        yield got(f"{JOBS}?{query}", 400, "invalid_query")
    for query in ("after=-1", "after=x", "after=1e3", "after=" + "9" * 19, "limit=0", "cursor=x",
                  f"cursor={cursor}", "status=queued"):  # fmt: skip
        yield got(f"{JOBS}/{UNKNOWN}/events?{query}", 400, "invalid_query")
    for wake in ("", "2", "no", "false", CANARY):
        yield got(f"{JOBS}?wake={wake}", 400, "invalid_query", "POST")
    yield got(f"/healthz?{CANARY}=1", 400, "invalid_query")
    yield got("/docs?x=1", 400, "invalid_query")


def posted(name: str, data: bytes, status: int, code: str, **more: Any) -> Case:
    return Case(name, status, code, data=data, **{"content_type": JSON, **more})


GOOD = b'{"job_type": "test_job"}'


def sizes() -> Iterator[Case]:
    long = b'{"job_type": "test_job", "payload": {"x": "' + CANARY.encode() * 27_000 + b'"}}'
    yield posted("one above the limit", GOOD.ljust(262_145), 413, "body_too_large")
    yield posted("two above the limit", GOOD.ljust(262_146), 413, "body_too_large")
    yield posted("270 kB", long, 413, "body_too_large")
    yield posted("a gigabyte announced", GOOD, 413, "body_too_large",
                 environ={"CONTENT_LENGTH": "1073741824"})  # fmt: skip
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    yield posted("chunked across the limit", GOOD, 413, "body_too_large",
                 environ={**chunked, "wsgi.input": io.BytesIO(long)})  # fmt: skip
    for length in ("-1", "x", "1e3", "12 34", CANARY):
        yield posted(f"length {length}", GOOD, 400, "invalid_json",
                     environ={"CONTENT_LENGTH": length})  # fmt: skip


def media_types() -> Iterator[Case]:
    for media_type in (
        None, "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data",
        "application/json-patch+json", "application/jsonx", "application/*", "*/*", CANARY,
        "application/json; charset=utf-7", "application/json; charset=utf-16",
        "application/json; charset=latin-1", f"application/json; charset={CANARY}",
    ):  # fmt: skip
        yield posted(f"as {media_type}", GOOD, 415, "unsupported_media_type",
                     content_type=media_type)  # fmt: skip
    bomb = gzip.compress(b'{"job_type": "' + b"a" * 1_000_000 + b'"}')
    for encoding in ("gzip", "deflate", "br", "x", f"identity, {CANARY}"):
        yield posted(f"encoded {encoding}", bomb, 415, "unsupported_media_type",
                     headers={"Content-Encoding": encoding})  # fmt: skip


def syntax() -> Iterator[Case]:
    def payload(text: str) -> bytes:
        return f'{{"job_type": "test_job", "payload": {text}}}'.encode()

    for name, data in {
        "nothing": b"",
        "white space": b"  \n",
        "cut off": GOOD[:-1],
        "two documents": GOOD + GOOD,
        "canary": CANARY.encode(),
        "canary in quotes": f'"{CANARY}"'.encode(),
        "list": b"[" + GOOD + b"]",
        "null": b"null",
        "number": b"1",
        "byte order mark": b"\xef\xbb\xbf" + GOOD,
        "UTF-16": GOOD.decode().encode("utf-16"),
        "invalid UTF-8": b'{"job_type": "\xff"}',
        "comma": b'{"job_type": "test_job",}',
        "comment": b'{"job_type": "test_job" /* x */}',
        "NaN": payload('{"x": NaN}'),
        "1e400": payload('{"x": 1e400}'),
        "40 digits": payload('{"x": ' + "7" * 40 + "}"),
        "NUL": payload('{"x": "\\u0000"}'),
        "half a surrogate pair": payload('{"x": "\\ud800"}'),
        "same key twice": payload(f'{{"{CANARY}": 1, "{CANARY}": 2}}'),
        "deep": payload('{"x":' * 40 + "1" + "}" * 40),
        "very deep": payload("[" * 100_000 + "]" * 100_000),
    }.items():
        yield posted(f"JSON: {name}", data, 400, "invalid_json")


def fields() -> Iterator[Case]:
    def refused(name: str, content: dict[str, Any], path: str = JOBS) -> Case:
        return posted(name, json.dumps(content).encode(), 400, "invalid_body", path=path)

    yield refused("no job type", {})
    yield refused("misspelt", {"job_typ": "test_job"})
    job_types: list[Any] = [
        None, 1, True, [], {}, "", "a" * 101, "a b", "../x", "os.system", "A", "1a", "_a", "a-b",
        "test_job\n", "t\u0435st_job", "test_job\u200b", CANARY + "!",
    ]  # fmt: skip
    for job_type in job_types:
        yield refused(f"job type {job_type!r:.20}", {"job_type": job_type})
    for name in (
        "status",
        "result",
        "id",
        "attempt",
        "claim_seq",
        "seq",
        "type",
        "tenant",
        "request_id",
        "replay_of",
        "schedule_id",
        "created_at",
        "__proto__",
        "",
        CANARY,
    ):
        yield refused(f"field {name}", {"job_type": "test_job", name: 1})
    wrong: dict[str, list[Any]] = {
        "payload": [None, [], "x", 1, True, CANARY],
        "queue": [None, "", "A", "a b", 1, "a" * 101, CANARY + "\n"],
        "priority": ["1", 1.5, 1.0, True, None, -1, 10, 32768, 2**63, 10**19],
        "max_attempts": [0, -1, 101, 10**9, "3", 1.0, True],
        "timeout_seconds": [0, -5, 86_401, 10**9, "5s", 1.0, True],
        "delay_seconds": [-1, -0.1, 10**10, "5", True, [1]],
        "dedupe_key": ["", "x" * 201, 1, [CANARY]],
        "requested_by": ["", "x" * 201, 7, {}],
        "tags": ["a", [""], [1], [None], ["x" * 65], ["a"] * 21, {"a": 1}, [[CANARY]]],
    }
    for name, values in wrong.items():
        for value in values:
            yield refused(f"{name} {value!r:.24}", {"job_type": "test_job", name: value})
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    yield refused("two due times", {"job_type": "test_job", "run_at": soon, "available_at": soon})
    yield refused("time and delay", {"job_type": "test_job", "run_at": soon, "delay_seconds": 1})
    yield refused("payload only", {"payload": {}}, TRIGGER)
    yield refused("unknown field", {"job_type": "test_job", CANARY: 1}, TRIGGER)
    cancel = f"{JOBS}/{UNKNOWN}/cancel"
    for reason in ("", 1, "x" * 501, [CANARY]):
        yield refused(f"reason {reason!r:.20}", {"reason": reason}, cancel)
    yield refused("cancel with a field", {"job_type": "test_job"}, cancel)


def times() -> Iterator[Case]:
    later = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    later += timedelta(days=365 * 11)
    for value in (
        "2026-11-24T10:00:00", "2026-11-24", "2026-11-24T24:00:00Z", "2026-11-24T23:60:00Z",
        "2026-11-24T23:59:60Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-044-03-15T00:00:00Z", "infinity",
        "-infinity", "now", "tomorrow", "", "2026-11-24T10:00:00+25:00", "2026-W48-2T10:00:00Z",
        "2026-11-24T10:00:00 Europe/Berlin", "20261124T100000Z", "2026-11-24T10Z", 1795514400,
        1795514400.5, True, ["2026-11-24T10:00:00Z"], later.isoformat(), "1999-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-24T10:00:00Z\n",
        "\u0662\u0660\u0662\u0666-11-24T10:00:00Z", f"2026-11-24T10:00:00Z{CANARY}",
    ):  # fmt: skip
        for name in ("available_at", "run_at"):
            content = json.dumps({"job_type": "test_job", name: value}).encode()
            yield posted(f"{name} {value!r:.20}", content, 400, "invalid_body")


def headers() -> Iterator[Case]:
    for key in ("", " ", "\t", "x" * 256, "a\x00b", "a\x7fb", "schl\xfcssel", '""', '" "',
                '"' + "x" * 257, f"{CANARY}\x01"):  # fmt: skip
        yield posted(f"Idempotency-Key {key!r:.20}", GOOD, 400, "invalid_header",
                     environ={"HTTP_IDEMPOTENCY_KEY": key})  # fmt: skip


def payloads() -> Iterator[Case]:
    for name, payload in {
        "nothing": {},
        "unknown field": {"name": "Ada", CANARY: 1},
        "wrong type": {"name": 1},
        "too long": {"name": CANARY * 5},
        "free key": {"name": "Ada", "labels": {CANARY: CANARY}},
    }.items():
        content = json.dumps({"job_type": "greet", "payload": payload}).encode()
        yield posted(f"payload: {name}", content, 422, "invalid_payload")


CASES = [
    case
    for group in (
        routes,
        ids,
        queries,
        sizes,
        media_types,
        syntax,
        fields,
        times,
        headers,
        payloads,
    )
    for case in group()
]


@pytest.fixture(scope="module")
def client(server_url: str, worker_database: psycopg.Connection) -> Iterator[FlaskClient]:
    """One client for all cases: none of them may leave a row behind."""
    runner = {"runner_enabled": True, "runner_url": "http://127.0.0.1:9"}
    url = url_of(server_url, worker_database.info.dbname)
    with serving(url, **runner, runner_token_outbound="x") as client:
        yield client
    assert worker_database.execute("select count(*) from ops_jobs").fetchone() == (0,)


@pytest.mark.parametrize("case", CASES, ids=[f"{n} {case.name}" for n, case in enumerate(CASES)])
def test_bad_input_has_one_right_answer(client: FlaskClient, case: Case) -> None:
    answer = client.open(
        case.path,
        method=case.method,
        data=case.data,
        content_type=case.content_type,
        headers=case.headers,
        environ_overrides=case.environ,
    )
    problem(answer, case.status, case.code)
    everything = answer.text + str(answer.headers)
    assert CANARY not in everything
    assert CANARY.upper() not in everything


def test_there_are_as_many_cases_as_the_plan_asks_for() -> None:
    assert len(CASES) >= 120
