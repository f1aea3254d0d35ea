"""What `ops` prints: plain in a pipe, harmless on a terminal."""

from __future__ import annotations

import json

import pytest

from app.cli.curl import curl_line
from app.cli.output import clean, emit, emit_json, emit_table, one_line, say
from app.cli.times import length
from app.cli.watching import event_line, outcome_line

EVIL = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\x9b31m"
JOB = {
    "id": "0197", "status": "succeeded", "created_at": "2026-11-24T06:00:00.000000Z",
    "started_at": "2026-11-24T06:00:00.300000Z", "finished_at": "2026-11-24T06:00:02.200000Z",
    "error": None,
}  # fmt: skip


def event(kind: str, **fields: object) -> dict[str, object]:
    return {
        "id": 1, "kind": kind, "at": "2026-11-24T06:00:01.900000Z", "actor": "runner:a/1",
        "attempt": 1, "message": None, "data": None, **fields,
    }  # fmt: skip


def test_a_terminal_is_never_told_what_to_do() -> None:
    for text in (clean(EVIL), one_line(EVIL)):
        assert not any(character in text for character in "\x1b\x07\u202e\x9b")


def test_foreign_text_is_harmless_in_lines_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    emit(EVIL)
    emit((EVIL, "red"), EVIL)
    say(EVIL, (EVIL, "bold"))
    emit_table(("A", "B"), [(EVIL, (EVIL, "red"))])
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert "owned" in printed.out


def test_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    emit(("[bold]not bold[/bold] :smile:", "red"))
    assert capsys.readouterr().out == "[bold]not bold[/bold] :smile:\n"


def test_a_table_in_a_pipe_is_aligned_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    emit_table(("ID", "NOTE"), [("1", "x" * 300), ("1234", ("two\nlines", "red"))])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ID    NOTE"
    assert lines[1] == "1     " + one_line("x" * 300)
    assert lines[2] == "1234  two lines"


def test_json_in_a_pipe_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": "ä" + EVIL})
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert json.loads(printed) == {"a": "ä" + EVIL}
    assert not set(printed) & set("\x1b\x07\u202e\x9b")


def test_talk_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("hello")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (0.312, "0.31s"),
        (12, "12s"),
        (60, "1m"),
        (250, "4m 10s"),
        (7260, "2h 1m"),
        (266_400, "3d 2h"),
    ],
)
def test_lengths_of_time_have_at_most_two_units(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_an_event_line_has_the_time_since_creation_and_says_what_happened() -> None:
    assert "".join(map(plain, event_line(JOB, event("running")))).split() == [
        "1.90s", "·", "running", "by", "runner:a/1,", "attempt", "1",
    ]  # fmt: skip
    progress = event("progress", data={"done": 2, "total": 3, "message": "drafted"})
    assert "".join(map(plain, event_line(JOB, progress))).endswith("2/3 drafted")


def test_the_outcome_says_how_long_it_ran_and_waited() -> None:
    assert "".join(map(plain, outcome_line(JOB))) == "✓ succeeded in 1.90s (waited 0.30s)"
    failed = {**JOB, "status": "failed", "error": "no such city"}
    assert "".join(map(plain, outcome_line(failed))).endswith(": no such city")


def plain(part: str | tuple[str, str]) -> str:
    return part if isinstance(part, str) else part[0]


def test_a_curl_line_names_the_key_and_quotes_the_rest() -> None:
    line = curl_line(
        "POST", "http://x/a?b=1&c", body='{"note": "it\'s"}', headers={"Prefer": "wait=5"}
    )
    assert '-H "X-Ops-Key: $OPS_API_KEY"' in line
    assert "-X POST" in line
    assert "'http://x/a?b=1&c'" in line
    assert "'Prefer: wait=5'" in line
    assert "-X" not in curl_line("GET", "http://x/")
