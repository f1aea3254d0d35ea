"""Reports of metrics as they come: good rows kept, bad ones named."""

from __future__ import annotations

import codecs
import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.cli.demo_feeds.documents import metrics_csv
from app.metrics.job_type import JOB_TYPE
from app.metrics.payload import RefreshPayload
from app.metrics.report import MAX_REJECTED, NotAReport, read_report
from app.metrics.snapshot import MAX_SNAPSHOTS, Snapshot

HEADER = b"page,platform,taken_on,followers,posts,engagement\n"
ROW: dict[str, Any] = {
    "page": "@harbourpost",
    "platform": "instagram",
    "taken_on": "2025-11-23",
    "followers": 18240,
    "posts": 2150,
    "engagement": 410,
}
SNAPSHOT = Snapshot.model_validate(ROW)
TODAY = datetime.now(UTC).date()


@pytest.mark.parametrize(
    "body",
    [
        HEADER + b"@harbourpost,instagram,2025-11-23,18240,2150,410\n",
        codecs.BOM_UTF8 + HEADER + b"@harbourpost,Instagram,2025-11-23,18240,2150,410",
        b" Posts ,ENGAGEMENT,page,note,platform,taken_on,followers\r\n"
        b'2150,410,"@harbourpost","a, b\nc",instagram,2025-11-23, 18240 \r\n\r\n , \r\n',
        json.dumps([ROW]).encode(),
        json.dumps({"snapshots": [ROW | {"reach": 7}], "next": None}).encode(),
    ],
    ids=["csv", "csv with a mark", "csv of a spreadsheet", "json list", "json object"],
)
def test_a_report_is_read_in_each_of_its_forms(body: bytes) -> None:
    report = read_report(body)
    assert report.snapshots == [SNAPSHOT]
    assert report.rejected == []


def test_a_bad_row_costs_only_itself_and_is_named() -> None:
    body = HEADER + (
        b"@harbourpost,instagram,2025-11-23,18240,2150,410\n"
        b"@harbourpost,instagram,2025-11-24,many,2150,410\n"
        b"@harbourpost,instagram,2025-11-25\n"
        b"@harbourpost,insta gram,2025-11-23,-1,2150,410\n"
    )
    report = read_report(body)
    assert report.snapshots == [SNAPSHOT]
    assert report.rejected_count == 3
    assert report.rejected[0].startswith("line 3: followers: ")
    assert report.rejected[1].startswith("line 4: followers: ")
    assert report.rejected[2].startswith("line 5: platform: ")


def test_a_rejected_row_is_not_repeated() -> None:
    report = read_report(json.dumps([ROW, ROW | {"followers": "hunter2"}, "hunter2"]).encode())
    assert report.rejected_count == 2
    assert "hunter2" not in str(report.rejected)


def test_only_the_first_rejected_rows_are_told() -> None:
    report = read_report(json.dumps([ROW, *[{}] * 100]).encode())
    assert (len(report.rejected), report.rejected_count) == (MAX_REJECTED, 100)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no CSV with the columns"),
        (b"<html>Sign in</html>", "no CSV with the columns"),
        (b"page,platform\n1,2\n", "no CSV with the columns"),
        (HEADER, "no good row"),
        (HEADER + b"a,b,c,d,e,f\n", "no good row .line 2: taken_on"),
        (HEADER + b"x" * 200_000, "not CSV"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "not well-formed JSON"),
        (b'{"snapshots": {}}', "no list of snapshots"),
        (b'{"error": 1}', "no list of snapshots"),
        (b"[]", "no good row"),
        (json.dumps([{}] * (MAX_SNAPSHOTS + 1)).encode(), "more than 5,000 rows"),
    ],
)
def test_what_is_no_report_is_told_in_plain_words(body: bytes, reason: str) -> None:
    with pytest.raises(NotAReport, match=reason):
        read_report(body)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"[", HEADER, HEADER + b'"']))
def test_any_bytes_are_a_report_or_no_report(noise: bytes, start: bytes) -> None:
    with suppress(NotAReport):
        assert read_report(start + noise).snapshots


def test_the_demo_report_has_eight_days_of_three_pages() -> None:
    report = read_report(metrics_csv(TODAY))
    assert len(report.snapshots) == 24
    assert max(snapshot.taken_on for snapshot in report.snapshots) == TODAY
    assert report.rejected == []


def test_a_page_is_the_same_however_it_is_written() -> None:
    keys = {SNAPSHOT.model_copy(update={"page": page}).page_key for page in ("@Harbour", "harbour")}
    assert keys == {"harbour"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("page", ""), ("page", " @ "), ("page", "x" * 101), ("platform", ""), ("platform", "a b"),
        ("followers", -1), ("followers", 2**53 + 1), ("followers", 1.5), ("followers", "9" * 5000),
        ("posts", None), ("engagement", "1,200"), ("taken_on", "1999-12-31"),
        ("taken_on", str(TODAY + timedelta(days=2))), ("taken_on", "23.11.2025"), ("extra", 1),
    ],
)  # fmt: skip
def test_an_impossible_snapshot_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        Snapshot.model_validate(ROW | {field: value})


def test_tomorrow_is_today_somewhere() -> None:
    tomorrow: date = TODAY + timedelta(days=1)
    assert Snapshot.model_validate(ROW | {"taken_on": str(tomorrow)}).taken_on == tomorrow


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "either snapshots or url"),
        ({"snapshots": []}, "either snapshots or url"),
        ({"snapshots": [ROW], "url": "https://example.org/"}, "either snapshots or url"),
        ({"url": "file:///etc/passwd"}, "http or https"),
        ({"url": "https://u:hunter2@example.org/"}, "user name"),
        ({"csv": "x"}, "csv"),
    ],
)
def test_a_wrong_payload_says_what_is_wrong(payload: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        RefreshPayload.model_validate(payload)
    assert "hunter2" not in str(refused.value)


def test_the_example_of_the_job_type_is_a_good_payload() -> None:
    assert RefreshPayload.model_validate(JOB_TYPE.example).snapshots
