"""Addresses, methods, ids and queries that are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from app.web.cursor import encode_cursor
from tests.bad_input.case import BATCH, CANARY, UNKNOWN, Case, got
from tests.control_plane import JOBS, TRIGGER

OPS = "/api/v1/ops"


def routes() -> Iterator[Case]:
    for path in ("nothing", "jobs/", "jobs//", "Jobs", f"jobs/{UNKNOWN}/nothing", "debug", "%00"):
        yield got(f"{OPS}/{path}", 404, "not_found")
    for path in ("/", "//", "/API/v1/ops/jobs", "/healthz/", "/..;/healthz", "/api2", "/static/x",
                 "/jobs%2f", "/%2e%2e/%2e%2e/etc/passwd", "/.env", "/.git/config"):  # fmt: skip
        yield got(path, 404, "not_found")
    yield got(f"/{CANARY}" * 300, 404, "not_found")
    yield got("/api//v1/ops/jobs", 404, "not_found")
    yield got(f"{OPS}/../ops/jobs", 404, "not_found")
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", CANARY.upper()):
        yield got(JOBS, 405, "method_not_allowed", method)
    yield got(TRIGGER, 405, "method_not_allowed")
    yield got("/healthz", 405, "method_not_allowed", "POST")
    for verb in ("cancel", "retry", "replay"):
        yield got(f"{JOBS}/{UNKNOWN}/{verb}", 405, "method_not_allowed")
    yield got(f"{OPS}/queues/mail/pause", 405, "method_not_allowed")
    yield got(BATCH, 405, "method_not_allowed", "DELETE")
    yield Case("method override", 415, "unsupported_media_type",
               headers=(("X-HTTP-Method-Override", "GET"),))  # fmt: skip


def ids() -> Iterator[Case]:
    hex_32 = UNKNOWN.replace("-", "")
    for job_id in (
        UNKNOWN, UNKNOWN.upper(), "-1", "0", "+1", "1e3", "1_000", str(2**63), str(2**64),
        "9" * 3000, "\u0661\u0662", hex_32, f"{{{UNKNOWN}}}", f"urn:uuid:{UNKNOWN}",
        UNKNOWN[:-1], UNKNOWN + "0", f"{UNKNOWN}%0A", f"%20{UNKNOWN}", UNKNOWN.replace("0", "_", 1),
        UNKNOWN.replace("1", "\u0661", 1), "%00", "%ff", "..", CANARY, "null", "'%20or%20true--",
        "batch",
    ):  # fmt: skip
        yield got(f"{JOBS}/{job_id}", 404, "job_not_found")
    for job_id in (CANARY, UNKNOWN, "%00"):
        yield got(f"{JOBS}/{job_id}/events", 404, "job_not_found")
        for verb in ("cancel", "retry", "replay"):
            yield got(f"{JOBS}/{job_id}/{verb}", 404, "job_not_found", "POST")
    for name in ("A", "a-b", "%20a", "a%0A", "\u0430", "a" * 101, "%00", CANARY.upper()):
        for verb in ("pause", "resume"):
            yield got(f"{OPS}/queues/{name}/{verb}", 404, "not_found", "POST")


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
        f"since={CANARY}", "pretty=yes", "pretty=2", "wake=0", "%FF=1", "a=%zz",
        "&".join(f"x{n}=1" for n in range(100)),
    ):  # fmt: skip
        yield got(f"{JOBS}?{query}", 400, "invalid_query")
    for query in ("after=-1", "after=x", "after=1e3", "after=" + "9" * 19, "limit=0", "cursor=x",
                  f"cursor={cursor}", "status=queued"):  # fmt: skip
        yield got(f"{JOBS}/{UNKNOWN}/events?{query}", 400, "invalid_query")
    for query in ("step=day", "step=", f"step={CANARY}", "since=0001-01-01T00:00Z", "limit=5",
                  "since=9999-01-01T00:00Z", "job_type=A"):  # fmt: skip
        yield got(f"{OPS}/stats?{query}", 400, "invalid_query")
    for wake in ("", "2", "no", "false", CANARY):
        yield got(f"{JOBS}?wake={wake}", 400, "invalid_query", "POST")
        yield got(f"{BATCH}?wake={wake}", 400, "invalid_query", "POST")
    yield got(f"/healthz?{CANARY}=1", 400, "invalid_query")
    yield got("/docs?x=1", 400, "invalid_query")
    yield got(f"{OPS}/queues?status=x", 400, "invalid_query")
