"""The benchmark of the control plane: what its clients send and read, and what its tables show."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from bench.clients import post, read_answer
from bench.report import bars, endurance, web
from bench.report.section import Section

SIZES = {"history_rows": 1_000, "retention_jobs": 300, "reads": 5}
SYSTEMS: dict[str, dict[str, Any]] = {"ours": {"label": "Ours", "skipped": None}}
NOTES = {"http": {"peer-bare": "it checks nothing"}}


def a_section(name: str, *runs: dict[str, Any]) -> Section:
    named = [{"contender": "ours", "label": "Ours", **run} for run in runs]
    return Section(name, named, SIZES, SYSTEMS, NOTES)


def a_server(contender: str, per_second: float) -> dict[str, Any]:
    load = {
        "jobs": 100, "clients": 8, "requests_per_second": per_second,
        "jobs_per_second": 100 * per_second, "p50": 1.0, "p95": 2.0, "p99": 3.0,
        "statements_per_request": 6,
    }  # fmt: skip
    return {
        "contender": contender, "label": contender, "commits_per_request": 1.01,
        "loads": {"100x8": load},
    }  # fmt: skip


def test_a_request_says_how_long_its_body_is() -> None:
    head, _, body = post("/jobs", {"X-Ops-Key": "k"}, [{"n": 1}]).partition("\r\n\r\n")
    assert json.loads(body) == [{"n": 1}]
    assert head.splitlines()[0] == "POST /jobs HTTP/1.1"
    assert f"Content-Length: {len(body)}" in head
    assert "X-Ops-Key: k" in head


def test_an_answer_is_read_to_its_end_and_no_further() -> None:
    answers = io.BytesIO(2 * b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\nbody")
    assert [read_answer(answers), read_answer(answers)] == [201, 201]
    assert answers.read() == b""


def test_an_answer_without_its_length_is_none() -> None:
    with pytest.raises(ValueError, match="without its length"):
        read_answer(io.BytesIO(b"HTTP/1.1 200 OK\r\n\r\n"))


def test_a_load_is_named_for_what_is_sent_and_a_peer_ahead_says_why() -> None:
    text = web.http(a_section("http", a_server("ours", 10), a_server("peer-bare", 20)))
    assert "100 jobs a request, 8 clients:" in text
    (peer,) = [line for line in text.splitlines() if line.startswith("| peer-bare")]
    assert peer.endswith("| it checks nothing |")
    assert "Transactions a request, over all loads: ours 1.01; peer-bare 1.01." in text


def test_a_cold_start_shows_the_median_and_the_worst() -> None:
    stages = ("started", "imported", "first", "second", "all")
    starts = [
        {**dict.fromkeys(stages, took), "max_rss_bytes": 80e6, "modules": 800}
        for took in (100.0, 300.0, 200.0)
    ]
    text = web.cold_start(a_section("cold_start", *starts))
    assert text.startswith("3 starts.")
    assert "| the first answer | 200 | 300 |" in text
    assert "80 MB resident, 800 modules" in text


def test_a_corpus_shows_its_slowest_case_and_every_wrong_answer() -> None:
    run = {
        "requests": 712, "p50": 1.0, "p95": 2.0, "p99": 5.0, "max": 300.0, "over_limit": 1,
        "slowest": "17 a bomb", "wrong": ["an id"],
    }  # fmt: skip
    section = a_section("corpus", run)
    assert "| 712 | 1 | 2 | 5 | 300 | 1 | a bomb | an id |" in web.corpus(section)
    (bar,) = bars.bars({"corpus": section})
    assert (bar.measured, bar.is_met) == ("300 ms", False)


def test_reads_are_shown_apart_by_what_most_jobs_are_and_the_dearest_first() -> None:
    def read(most: str, path: str, milliseconds: float) -> dict[str, Any]:
        measures = dict.fromkeys(("database_p50", "database_max", "p50", "max"), milliseconds)
        return {"most": most, "path": path, "statements": 3, **measures}

    section = a_section(
        "reads",
        read("finished", "/cheap", 1),
        read("finished", "/dear", 9),
        read("queued", "/q", 2),
    )
    rows = [line.split()[1] for line in web.reads(section).splitlines() if line.startswith("| `")]
    assert rows == ["`/dear`", "`/cheap`", "`/q`"]
    (bar,) = bars.bars({"reads": section})
    assert (bar.measured, bar.is_met) == ("9 ms", True)


def test_a_read_that_failed_does_not_hide_the_others() -> None:
    good = {"most": "finished", "path": "/good", "statements": 1}
    good |= dict.fromkeys(("database_p50", "database_max", "p50", "max"), 1.0)
    text = web.reads(a_section("reads", good, {"most": "queued", "failed": "it ended"}))
    assert "`/good`" in text
    assert "* Ours: it ended" in text


def test_a_live_row_that_is_lost_is_a_broken_promise() -> None:
    def run(contender: str, sweep: str, **more: float) -> dict[str, Any]:
        return {"contender": contender, "sweep": sweep, "deleted_meanwhile": 0, **more}

    section = a_section(
        "retention",
        run("ours-thread-keeps", "keeps all", jobs_per_second=100, live_rows_lost=0),
        run(
            "ours-thread-deletes", "deletes the old", jobs_per_second=90, live_rows_lost=1,
            deleted_per_second=5_000, sweep_seconds=20,
        ),
    )  # fmt: skip
    assert "| the runner deletes the old | 90 | 90.0 % |" in endurance.retention(section)
    (bar,) = bars.bars({"retention": section})
    assert (bar.demand, bar.is_met) == ("retention: no live row lost", False)
