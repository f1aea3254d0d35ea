"""Fields, times and payloads that are wrong although the JSON is right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bad_input.case import BATCH, CANARY, GOOD, UNKNOWN, Case, posted, refused
from tests.control_plane import JOBS, TRIGGER

TYPE = "unheard_of"


def fields() -> Iterator[Case]:
    yield refused("no job type", {})
    yield refused("misspelt", {"job_typ": TYPE})
    job_types: list[Any] = [
        None, 1, True, [], {}, "", "a" * 101, "a b", "../x", "os.system", "A", "1a", "_a", "a-b",
        "test_job\n", "t\u0435st_job", "test_job\u200b", CANARY + "!",
    ]  # fmt: skip
    for job_type in job_types:
        yield refused(f"job type {job_type!r:.20}", {"job_type": job_type})
    for name in (
        "status", "result", "id", "attempt", "claim_seq", "seq", "type", "tenant", "request_id",
        "replay_of", "schedule_id", "created_at", "runner_instance", "actor", "__proto__", "",
        CANARY,
    ):  # fmt: skip
        yield refused(f"field {name}", {"job_type": TYPE, name: 1})
    wrong: dict[str, list[Any]] = {
        "payload": [None, [], "x", 1, True, CANARY],
        "queue": [None, "", "A", "a b", 1, "a" * 101, CANARY + "\n"],
        "priority": ["1", 1.5, 1.0, True, None, -1, 10, 32768, 2**63, 10**19],
        "max_attempts": [0, -1, 101, 10**9, "3", 1.0, True],
        "timeout_seconds": [0, -5, 86_401, 10**9, "5s", 1.0, True],
        "delay_seconds": [-1, -0.1, 10**10, "5", True, [1]],
        "concurrency_key": [None, "x" * 201, 1, [CANARY]],
        "dedupe_key": ["", "x" * 201, 1, [CANARY]],
        "requested_by": ["", "x" * 201, 7, {}],
        "tags": ["a", [""], [1], [None], ["x" * 65], ["a"] * 21, {"a": 1}, [[CANARY]]],
    }
    for name, values in wrong.items():
        for value in values:
            yield refused(f"{name} {value!r:.24}", {"job_type": TYPE, name: value})
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    yield refused("two due times", {"job_type": TYPE, "run_at": soon, "available_at": soon})
    yield refused("time and delay", {"job_type": TYPE, "run_at": soon, "delay_seconds": 1})


def other_bodies() -> Iterator[Case]:
    yield refused("payload only", {"payload": {}}, TRIGGER)
    yield refused("unknown field", {"job_type": TYPE, CANARY: 1}, TRIGGER)
    one = f"{JOBS}/{UNKNOWN}"
    for reason in ("", 1, "x" * 501, [CANARY]):
        yield refused(f"reason {reason!r:.20}", {"reason": reason}, f"{one}/cancel")
        yield refused(f"reason {reason!r:.20}", {"reason": reason}, "/api/v1/ops/queues/mail/pause")
    yield refused("a field", {"job_type": TYPE}, f"{one}/cancel")
    yield refused("a field", {CANARY: 1}, f"{one}/retry")
    yield refused("a field", {"by": "ada"}, "/api/v1/ops/queues/mail/resume")
    for content in ({"payload": []}, {"queue": "a"}, {"requested_by": ""}, {CANARY: {}}):
        yield refused(f"{content!r:.30}", content, f"{one}/replay")
    for until in ("2020-01-01T00:00:00Z", "tomorrow", 1, f"{CANARY}Z"):
        yield refused(f"until {until}", {"until": until}, "/api/v1/ops/queues/mail/pause")


def times() -> Iterator[Case]:
    # At midnight: what is wrong with it must not change between two looks at the clock.
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
            yield refused(f"{name} {value!r:.20}", {"job_type": TYPE, name: value})


def payloads() -> Iterator[Case]:
    source = {"name": "x", "url": "https://example.com/feed"}
    for name, payload in {
        "unknown field": {CANARY: 1},
        "wrong type": {"limit": [5]},
        "out of range": {"limit": 0},
        "not a list": {"sources": CANARY},
        "a wrong address": {"sources": [{**source, "url": f"file:///{CANARY}"}]},
        "an address with a password": {"sources": [{**source, "url": f"https://u:{CANARY}@x"}]},
        "two alike": {"sources": [source, source]},
        "an unknown field inside": {"sources": [{**source, CANARY: 1}]},
        "no name": {"sources": [{**source, "name": "  "}]},
    }.items():
        job = {"job_type": "nearsight_collect_refresh", "payload": payload}
        yield posted(f"payload: {name}", json.dumps(job).encode(), 422, "invalid_payload")
        batch = json.dumps([json.loads(GOOD), job]).encode()
        yield posted(f"batch payload: {name}", batch, 422, "invalid_payload", path=BATCH)
