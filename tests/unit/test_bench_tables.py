"""The tables of the benchmark: what they show of a record, and that they hide nothing."""

from __future__ import annotations

from typing import Any

from bench.report import bars, price, speed
from bench.report.markdown import number, percent, table
from bench.report.plot import Group, bar_chart
from bench.report.section import Section

SYSTEMS: dict[str, dict[str, Any]] = {
    name: {"label": label, "bulk": "in chunks", "skipped": None}
    for name, label in (("ours", "Ours"), ("raw", "raw SQL"), ("fast", "Fast"), ("slow", "Slow"))
}
NOTES = {"drain": {"fast": "it keeps no events"}}


def a_run(contender: str, per_second: float, **more: Any) -> dict[str, Any]:
    measured = {"jobs": 100, "runs": 100, "with_boot_per_second": 1.0}
    about = {"contender": contender, "label": contender.title(), "workers": 1, "repeat": 0}
    return {**about, **measured, "jobs_per_second": per_second, **more}


def a_section(
    *runs: dict[str, Any], name: str = "drain", systems: dict[str, Any] | None = None
) -> Section:
    return Section(name, runs, {}, systems or SYSTEMS, NOTES)


def test_numbers_have_three_significant_digits() -> None:
    assert [number(value) for value in (12_345.6, 123.4, 12.34, 1.234, 0.0, None)] == [
        "12,346", "123", "12.3", "1.23", "0", "–",
    ]  # fmt: skip


def test_a_part_of_nothing_is_not_a_number() -> None:
    assert (percent(1, 3), percent(1, 0), percent(None, 3)) == ("33.3 %", "–", "–")


def test_a_cell_cannot_break_its_row() -> None:
    assert table(["a"], [["x | y"]]).splitlines()[-1] == "| x / y |"


def test_ours_comes_first_then_the_limit_then_the_best_peer() -> None:
    section = a_section(
        a_run("slow", 1), a_run("fast", 9), a_run("raw", 5), a_run("ours-thread", 3)
    )
    order = [name for name, _ in section.ordered("jobs_per_second", workers=1)]
    assert order == ["ours-thread", "raw", "fast", "slow"]


def test_a_peer_that_is_ahead_says_why() -> None:
    text = speed.drain(a_section(a_run("ours-thread", 3), a_run("raw", 5), a_run("fast", 9)))
    (row,) = [line for line in text.splitlines() if line.startswith("| Fast")]
    assert row.endswith("| it keeps no events |")


def test_a_peer_that_is_ahead_without_a_note_shows_that_one_is_missing() -> None:
    text = speed.drain(a_section(a_run("ours-thread", 3), a_run("raw", 5), a_run("slow", 9)))
    assert "no reason is written down yet" in text


def test_a_peer_that_is_behind_needs_no_reason() -> None:
    text = speed.drain(a_section(a_run("ours-thread", 30), a_run("raw", 50), a_run("fast", 9)))
    assert "it keeps no events" not in text


def test_several_repeats_show_their_median_between_the_extremes() -> None:
    text = speed.drain(a_section(*(a_run("ours-thread", value) for value in (30, 10, 20))))
    assert "10 / **20** / 30" in text


def test_a_case_that_failed_is_told() -> None:
    broken = {"contender": "fast", "label": "Fast", "workers": 1, "failed": "it ended"}
    assert "* Fast: it ended" in speed.drain(a_section(a_run("ours-thread", 3), broken))


def test_a_system_that_was_left_out_is_told() -> None:
    systems = {**SYSTEMS, "slow": {**SYSTEMS["slow"], "skipped": "needs Python 3.12"}}
    text = speed.drain(a_section(a_run("ours-thread", 3), systems=systems))
    assert "* Slow: left out: needs Python 3.12" in text


def test_jobs_that_ran_twice_are_told() -> None:
    text = speed.drain(a_section(a_run("fast", 3, runs=103)))
    assert "* Fast ran 3 jobs twice" in text


def test_costs_are_shown_for_one_job_in_every_batch_size() -> None:
    counts = dict.fromkeys((*price.COUNTS, "deletes"), 2.5)
    more = {"batch": 10, "connections": 1, "enqueue_per_job": counts, "run_per_job": counts}
    text = price.cost(a_section(a_run("raw-10", 5, **more), name="cost"), None)
    assert "| 10 | 2.50 |" in text


def test_a_bar_is_met_by_the_figure_that_decides_it() -> None:
    section = a_section(
        a_run("ours-thread", 70), a_run("ours-process", 39), a_run("raw", 100), a_run("fast", 40)
    )
    met = {bar.demand: bar.is_met for bar in bars.bars({"drain": section})}
    assert met["thread slots, 1 runner: 60 % of the raw limit"] is True
    assert met["process slots, 1 runner: 40 % of the raw limit"] is False
    assert met["thread slots, 1 runner: 1.5 times the best peer"] is True
    assert met["process slots, 1 runner: ahead of every peer"] is False
    assert met["thread slots, 2 runners: 60 % of the raw limit"] is None


def test_a_plot_draws_a_bar_for_every_figure_and_a_dash_for_none() -> None:
    groups = [Group("A & B", [100.0, 50.0]), Group("C", [None, 25.0])]
    svg = bar_chart("Drain", ["one", "two"], groups, unit="/s")
    assert svg.count("<rect") == 1 + 2 + 4  # the background, the legend, the bars
    assert "A &amp; B" in svg
    assert ">–<" in svg
