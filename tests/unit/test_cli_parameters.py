"""How options become values."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import click
import pytest

from app.cli.parameters import AGO, AHEAD, JOB_ID, LENGTH, read_payload


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200), ("1.5h", 5400), ("1d", 86_400)],
)
def test_a_length_is_a_number_with_or_without_a_unit(text: str, seconds: float) -> None:
    assert LENGTH.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5m", "5 weeks", "m"])
def test_other_text_is_no_length(text: str) -> None:
    with pytest.raises(click.BadParameter):
        LENGTH.convert(text, None, None)


def test_a_length_is_a_moment_counted_from_now() -> None:
    ahead = datetime.fromisoformat(AHEAD.convert("2h", None, None))
    ago = datetime.fromisoformat(AGO.convert("2h", None, None))
    assert ahead - ago == pytest.approx(timedelta(hours=4), abs=timedelta(seconds=5))


def test_a_moment_without_a_zone_is_local_and_becomes_utc() -> None:
    moment = datetime.fromisoformat(AHEAD.convert("2026-12-24T08:00:00+01:00", None, None))
    assert moment == datetime(2026, 12, 24, 7, tzinfo=UTC)
    assert datetime.fromisoformat(AHEAD.convert("2026-12-24T08:00", None, None)).tzinfo is not None


def test_something_else_is_no_job_id() -> None:
    with pytest.raises(click.BadParameter, match="no job id"):
        JOB_ID.convert("17", None, None)


def test_pairs_are_json_where_they_parse_and_text_elsewhere() -> None:
    pairs = ["limit=5", "city=Lisbon", "tags=[1, 2]", "note=a=b", "on=true", 'quoted="5"', "empty="]
    assert read_payload(pairs, None, None) == {
        "limit": 5, "city": "Lisbon", "tags": [1, 2], "note": "a=b", "on": True, "quoted": "5",
        "empty": "",
    }  # fmt: skip


def test_pairs_are_laid_over_a_file() -> None:
    file = io.StringIO('{"limit": 5, "city": "Porto"}')
    assert read_payload(["city=Lisbon"], None, file) == {"limit": 5, "city": "Lisbon"}


@pytest.mark.parametrize("text", ["[]", "5", '"x"', "null", "{", ""])
def test_a_payload_that_is_no_json_object_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.UsageError):
        read_payload([], text, None)


def test_two_payloads_are_a_usage_error() -> None:
    with pytest.raises(click.UsageError, match="not both"):
        read_payload([], "{}", io.StringIO("{}"))


@pytest.mark.parametrize("pair", ["city", "=Lisbon"])
def test_a_pair_needs_a_key_and_an_equals_sign(pair: str) -> None:
    with pytest.raises(click.UsageError, match="key=value"):
        read_payload([pair], None, None)
