"""The record of a run, the page made from it, and what goes into every job."""

from __future__ import annotations

import json

import pytest

from bench import results
from bench.contenders import default, systems, tuned, variant
from bench.payload import PAYLOAD_BYTES, encode, payload
from bench.plans import summary
from bench.report.document import PAGE, filled
from bench.run import SCENARIOS
from bench.scenarios.fairness import overtaken


@pytest.mark.parametrize("n", [0, 7, 49_999, 9_000_009])
def test_every_payload_is_a_hundred_bytes(n: int) -> None:
    for trace in (True, False):
        assert len(encode(payload(n, trace=trace))) == PAYLOAD_BYTES
    assert json.loads(encode(payload(n)))["n"] == n


def test_every_peer_is_pinned_and_says_how_it_is_run() -> None:
    for system in systems().values():
        if system.is_peer:
            assert all("==" in requirement for requirement in system.requires)
            assert any(system.version in requirement for requirement in system.requires)
        assert system.tuned
        assert system.default


def test_a_variant_keeps_the_options_and_adds_its_own() -> None:
    ours = systems()["ours"]
    found = variant(tuned(ours), "thread", "thread slots", slot="thread")
    assert (found.name, found.label) == ("ours-thread", "Domain Expansion, thread slots")
    assert found.options == {"profile": "tuned", "slot": "thread"}
    assert default(ours).options == {"profile": "default"}


def test_a_later_run_of_the_day_keeps_the_scenarios_it_did_not_take() -> None:
    earlier = {"format": 1, "mode": "full", "scenarios": {"drain": "old", "idle": "old"}}
    later = {"format": 1, "mode": "full", "scenarios": {"drain": "new"}}
    assert results.merged(earlier, later)["scenarios"] == {"drain": "new", "idle": "old"}


def test_a_record_of_another_format_is_not_mixed_in() -> None:
    earlier = {"format": 0, "scenarios": {"idle": "old"}}
    later = {"format": 1, "scenarios": {"drain": "new"}}
    assert results.merged(earlier, later) == later


def test_a_partial_or_quick_record_is_told_by_its_name() -> None:
    names = [
        results.path_for("2026-11-24", mode, is_partial=partial).name
        for mode in ("full", "quick")
        for partial in (False, True)
    ]
    assert names == [
        "2026-11-24.json",
        "2026-11-24-partial.json",
        "2026-11-24-quick.json",
        "2026-11-24-quick-partial.json",
    ]


def test_the_page_has_a_place_for_everything_that_is_made() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in (*SCENARIOS, "setup", "bars"):
        assert "made anew" in filled(page, name, "made anew")


def test_a_part_is_replaced_and_what_is_around_it_stays() -> None:
    page = "before\n<!-- bench: idle -->\nold\n<!-- end -->\nafter\n"
    assert filled(page, "idle", r"new \1") == (
        "before\n<!-- bench: idle -->\nnew \\1\n<!-- end -->\nafter\n"
    )


def test_a_part_without_its_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no markers"):
        filled("nothing here", "idle", "new")


def test_a_plan_tells_its_scans_and_sorts() -> None:
    scan = {"Node Type": "Seq Scan", "Relation Name": "ops_queues", "Actual Rows": 3}
    sort = {"Node Type": "Sort", "Actual Rows": 100, "Plans": [scan]}
    plan = {"Node Type": "Limit", "Shared Hit Blocks": 5, "Shared Read Blocks": 2, "Plans": [sort]}
    assert summary({"Plan": plan, "Execution Time": 1.5}) == {
        "claim_buffers": 7,
        "claim_ms": 1.5,
        "seq_scans": ["ops_queues"],
        "most_sorted": 100,
    }


@pytest.mark.parametrize(
    ("priorities", "expected"), [([0, 0, 1, 5], 0), ([0, 5, 1, 5, 0], 2), ([], 0)]
)
def test_a_job_that_starts_after_a_less_urgent_one_was_overtaken(
    priorities: list[int], expected: int
) -> None:
    assert overtaken(priorities) == expected
