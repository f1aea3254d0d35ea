"""Runs that are sent ahead to a process slot: each has its own start, output, end and stop."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.process_slots import ProcessSlots, process_slots
from tests.waiting import wait_until
from worker.slots import process
from worker.slots.process import SHORT_SECONDS as SHORT
from worker.slots.runs import Ended, Run, StopReason, Verdict

MODULE, JOB_TYPE = "tests.slot_handlers", "in_process"


@contextlib.contextmanager
def slots_of(size: int = 1, **options: Any) -> Any:
    with process_slots(MODULE, JOB_TYPE, size=size, **options) as slots:
        # the slots are there, so that what is submitted together is sent ahead together
        wait_until(
            lambda: sum(slot.is_free for slot in slots.pool._slots) == size,
            message="every slot is free",
        )
        yield slots


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave runs behind a slow one, as if it had been slow for a moment only."""
    monkeypatch.setattr(process, "CALL_BACK_SECONDS", 60.0)


class Began:
    """The file in which handlers note that they began."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "began"

    def count(self) -> Counter[str]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return Counter(line.split()[0] for line in lines)

    def pids(self) -> list[str]:
        return [line.split()[1] for line in self.path.read_text().splitlines()]

    def assert_exact(self, ends: list[Ended]) -> None:
        """What was told of each run agrees with how often its handler began."""
        count = self.count()
        for ended in ends:
            times = count[str(ended.run.id)]
            expected = {Verdict.SUCCEEDED: {1}, Verdict.NOT_STARTED: {0}}
            assert times in expected.get(ended.verdict, {0, 1}), (times, ended)


@pytest.fixture
def began(tmp_path: Path) -> Began:
    return Began(tmp_path)


def make(slots: ProcessSlots, began: Began, hows: list[str], **more: Any) -> list[Run]:
    return [slots.make(how, expected_seconds=SHORT, began=str(began.path), **more) for how in hows]


def verdicts(ends: list[Ended]) -> list[tuple[Verdict, StopReason | None]]:
    return [(ended.verdict, ended.stop) for ended in ends]


def test_verdicts_come_in_order_each_with_its_own_result(began: Began) -> None:
    with slots_of() as slots:
        runs = [
            slots.make("say", expected_seconds=SHORT, text=f"number {number}")
            for number in range(50)
        ]
        slots.pool.submit(runs)
        ends = [slots.next() for _ in runs]
    assert [ended.run for ended in ends] == runs
    assert [ended.text for ended in ends] == [f'{{"text":"number {n}"}}' for n in range(50)]


def test_each_run_has_its_own_output_whoever_wrote_it() -> None:
    with slots_of() as slots:
        runs = [
            slots.make(how, expected_seconds=SHORT, text=f"<{number}>")
            for number, how in enumerate(["say", "say_in_child", "ok"] * 7)
        ]
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    for number, ended in enumerate(ends):
        lines = [] if ended.output is None else sorted(ended.output.text.splitlines())
        word = f"<{number}>"
        said = [f"WARNING acme: logged {word}", f"c {word}", f"print {word}", f"raw {word}"]
        assert lines == [[*said, f"stderr {word}"], [word], []][number % 3]


@pytest.mark.parametrize("how", ["exit", "segfault", "kill_self"])
def test_a_slot_that_dies_fails_only_what_it_was_at(began: Began, how: str) -> None:
    with slots_of(2) as slots:
        runs = make(slots, began, ["ok"] * 5 + [how] + ["ok"] * 30)
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    assert [ended.run for ended in ends if ended.verdict is Verdict.DIED] == [runs[5]]
    assert {ended.verdict for ended in ends} == {Verdict.DIED, Verdict.SUCCEEDED}
    began.assert_exact(ends)


def test_a_slot_killed_from_outside_fails_only_what_it_was_at(
    began: Began, tmp_path: Path, patient: None
) -> None:
    with slots_of() as slots:
        first, *others = make(slots, began, ["wait_for_file", *["ok"] * 20], file=tmp_path / "go")
        slots.pool.submit([first, *others])
        wait_until(began.count, message="the first begins")
        os.kill(int(began.pids()[0]), signal.SIGKILL)
        ends = slots.ends_of([first, *others])
    assert ends[0].text == "slot process died: SIGKILL"
    assert {ended.verdict for ended in ends[1:]} == {Verdict.SUCCEEDED}
    began.assert_exact(ends)


def test_a_dead_guard_fails_only_what_its_slots_were_at(began: Began) -> None:
    with slots_of(2) as slots:
        runs = make(slots, began, ["ok"] * 3 + ["kill_guard"] + ["ok"] * 20)
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    died = [ended for ended in ends if ended.verdict is Verdict.DIED]
    assert {ended.text for ended in died} == {"slot process died with its guard"}
    assert len(died) <= 2
    began.assert_exact(ends)


def test_what_waits_behind_a_slow_run_goes_elsewhere(began: Began, tmp_path: Path) -> None:
    with slots_of(2) as slots:
        runs = make(slots, began, ["wait_for_file", *["ok"] * 20], file=tmp_path / "go")
        slots.pool.submit(runs)
        ends = [slots.next() for _ in range(20)]
        assert {ended.run for ended in ends} == set(runs[1:])
        (tmp_path / "go").touch()
        ends.append(slots.next())
        later = make(slots, began, ["ok"] * 20)
        slots.pool.submit(later)
        ends += slots.ends_of(later)
    assert {ended.verdict for ended in ends} == {Verdict.SUCCEEDED}
    began.assert_exact(ends)


def test_what_no_slot_comes_to_is_given_back(began: Began, tmp_path: Path) -> None:
    with slots_of() as slots:
        first, *others = make(slots, began, ["wait_for_file", *["ok"] * 5], file=tmp_path / "go")
        slots.pool.submit([first, *others])
        ends = slots.ends_of(others)
        assert verdicts(ends) == [(Verdict.NOT_STARTED, None)] * 5
        (tmp_path / "go").touch()
        assert slots.next().verdict is Verdict.SUCCEEDED
        began.assert_exact(ends)


def test_a_cancelled_run_that_was_sent_ahead_never_begins(
    began: Began, tmp_path: Path, patient: None
) -> None:
    with slots_of() as slots:
        runs = make(slots, began, ["wait_for_file", "ok", "ok", "ok"], file=tmp_path / "go")
        slots.pool.submit(runs)
        wait_until(began.count, message="the first begins")
        slots.pool.stop(runs[2].id, runs[2].claim_seq, StopReason.CANCEL)
        assert slots.next() == Ended(runs[2], Verdict.NOT_STARTED, stop=StopReason.CANCEL)
        (tmp_path / "go").touch()
        ends = slots.ends_of([runs[0], runs[1], runs[3]])
    assert verdicts(ends) == [(Verdict.SUCCEEDED, None)] * 3
    began.assert_exact(ends)
    assert str(runs[2].id) not in began.count()


def test_a_stop_of_the_first_reaches_no_other(began: Began, tmp_path: Path, patient: None) -> None:
    with slots_of() as slots:
        first, *others = make(slots, began, ["wait", *["ok"] * 20], file=tmp_path / "waits")
        slots.pool.submit([first, *others])
        wait_until((tmp_path / "waits").exists, message="the first begins")
        slots.pool.stop(first.id, first.claim_seq, StopReason.CANCEL)
        ends = slots.ends_of([first, *others])
    assert verdicts(ends) == [
        (Verdict.CANCELLED, StopReason.CANCEL), *[(Verdict.SUCCEEDED, None)] * 20,
    ]  # fmt: skip
    began.assert_exact(ends)


def test_a_timeout_of_the_first_reaches_no_other(began: Began, patient: None) -> None:
    with slots_of(grace=0.2) as slots:
        runs = make(slots, began, ["sleep_on"], timeout_seconds=0.3)
        runs += make(slots, began, ["ok"] * 20)
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    assert verdicts(ends) == [
        (Verdict.DIED, StopReason.TIMEOUT), *[(Verdict.SUCCEEDED, None)] * 20,
    ]  # fmt: skip
    began.assert_exact(ends)


def test_the_time_of_a_run_counts_from_when_the_slot_comes_to_it(patient: None) -> None:
    with slots_of() as slots:
        runs = [
            slots.make("nap", expected_seconds=SHORT, timeout_seconds=1.5) for _ in range(6)
        ]  # 1.8 s together
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    assert verdicts(ends) == [(Verdict.SUCCEEDED, None)] * 6


def test_a_stop_of_all_begins_nothing_more(began: Began, tmp_path: Path, patient: None) -> None:
    with slots_of(2) as slots:
        hows = ["wait", "wait", *["ok"] * 40]
        runs = make(slots, began, hows, file=tmp_path / "waits")
        slots.pool.submit(runs)
        wait_until(lambda: len(began.count()) == 2, message="two begin")
        slots.pool.stop_all(StopReason.DRAIN)
        ends = slots.ends_of(runs)
    assert verdicts(ends[:2]) == [(Verdict.CANCELLED, StopReason.DRAIN)] * 2
    assert verdicts(ends[2:]) == [(Verdict.NOT_STARTED, StopReason.DRAIN)] * 40
    began.assert_exact(ends)


def test_no_slot_does_more_than_its_share_of_jobs(began: Began) -> None:
    with slots_of(2, recycle_jobs=3) as slots:
        runs = make(slots, began, ["ok"] * 20)
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    assert {ended.verdict for ended in ends} == {Verdict.SUCCEEDED}
    began.assert_exact(ends)
    assert max(Counter(began.pids()).values()) <= 3


def test_a_handler_that_leaves_a_thread_costs_the_others_nothing(began: Began) -> None:
    with slots_of(2) as slots:
        runs = make(slots, began, ["ok", "leave_thread", "ok"] * 7)
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    assert {ended.verdict for ended in ends} == {Verdict.SUCCEEDED}
    began.assert_exact(ends)


def test_a_large_result_of_a_slot_that_is_used_no_more_is_kept() -> None:
    with slots_of() as slots:
        for _ in range(5):
            ended = slots.run("leave_thread", size=900_000)
            assert (ended.verdict, len(ended.text)) == (Verdict.SUCCEEDED, 900_011)


def test_garbage_fails_only_the_run_that_sent_it(began: Began) -> None:
    with slots_of(2) as slots:
        runs = make(slots, began, ["ok", "ok", "garbage", *["ok"] * 20])
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
    assert ends[2].verdict is Verdict.DIED
    assert ends[2].text.startswith("the slot process sent garbage")
    assert {e.verdict for e in ends if e.run != runs[2]} == {Verdict.SUCCEEDED}
    began.assert_exact(ends)


def test_a_frame_that_names_no_run_is_garbage() -> None:
    with slots_of() as slots:
        ended = slots.run("odd_frame")
        assert ended.text == "the slot process sent garbage: a frame of no run"
        assert slots.run("ok").verdict is Verdict.SUCCEEDED


def test_marks_that_a_payload_forged_are_text_like_any_other() -> None:
    with slots_of() as slots:
        runs = [
            slots.make(how, expected_seconds=SHORT, text=how)
            for how in ["say_in_child", "print_marks", "say_in_child"]
        ]
        slots.pool.submit(runs)
        first, forged, last = (ended.output for ended in slots.ends_of(runs))
    assert first is not None
    assert last is not None
    assert forged is not None
    assert first.text == last.text == "say_in_child\n"
    assert forged.text.count("ops-run-end") == 200
    assert forged.text.endswith("print_marks\n")


def test_a_handler_that_forges_its_own_mark_cuts_only_itself() -> None:
    with slots_of() as slots:
        runs = [
            slots.make(how, expected_seconds=SHORT, text="mine")
            for how in ["forge_own_mark", "say_in_child", "ok"] * 3
        ]
        slots.pool.submit(runs)
        texts = [e.output.text if e.output else "" for e in slots.ends_of(runs)]
    assert texts == ["before\n", "mine\n", ""] * 3


@pytest.mark.parametrize(
    "how", ["close_stdout", "replace_stdout", "redirect_stdout", "do_not_block"]
)
def test_streams_are_put_back_for_the_next_run(how: str) -> None:
    with slots_of() as slots:
        runs = [
            slots.make(each, expected_seconds=SHORT, text="words")
            for each in ["say_in_child", how, "say", "say_in_child"]
        ]
        slots.pool.submit(runs)
        before, _, after, last = slots.ends_of(runs)
    assert before.output is not None
    assert after.output is not None
    assert last.output is not None
    assert before.output.text == last.output.text == "words\n"
    assert len(after.output.text.splitlines()) == 5


def test_a_handler_that_ends_its_own_group_is_not_stopped_by_us() -> None:
    with slots_of() as slots:
        ended = slots.run("end_own_group")
        assert (ended.verdict, ended.stop) == (Verdict.SUCCEEDED, None)
        assert slots.run("ok").verdict is Verdict.SUCCEEDED


def test_a_slot_that_never_comes_to_its_run_is_replaced(began: Began) -> None:
    with slots_of(grace=0.2) as slots:
        (slot,) = psutil.Process(slots.guards.link.pid).children()
        slot.suspend()
        runs = make(slots, began, ["ok"], timeout_seconds=0.3)
        slots.pool.submit(runs)
        ends = slots.ends_of(runs)
        assert verdicts(ends) == [(Verdict.SUCCEEDED, None)]
        began.assert_exact(ends)
        wait_until(lambda: not slot.is_running(), message="the frozen slot is gone")


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_and_nothing_told_or_run_twice_in_a_storm(
    began: Began, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    hows = ["ok"] * 20 + ["say"] * 5 + [
        "exit", "segfault", "leave_thread", "garbage", "wait", "sleep_on", "end_own_group",
        "say_in_child",
    ]  # fmt: skip
    runs: list[Run] = []
    number = itertools.count()
    with slots_of(3, recycle_jobs=20, grace=0.1) as slots:
        for _ in range(40):
            some = [
                slots.make(
                    chance.choice(hows),
                    began=str(began.path),
                    file=tmp_path / "waits",
                    text=str(next(number)),
                    timeout_seconds=0.3,
                    expected_seconds=chance.choice([SHORT, SHORT, SHORT, None]),
                )
                for _ in range(chance.randrange(20))
            ]
            slots.pool.submit(some)
            runs += some
            for run in chance.sample(runs, min(len(runs), chance.randrange(4))):
                reason = chance.choice([StopReason.CANCEL, StopReason.CLAIM_LOST])
                slots.pool.stop(run.id, run.claim_seq, reason)
            if chance.random() < 0.1:
                slots.pool.stop_all(StopReason.FENCE)
            if chance.random() < 0.1:
                with contextlib.suppress(psutil.NoSuchProcess, IndexError):
                    chance.choice(psutil.Process(slots.guards.link.pid).children()).kill()
        ends = slots.ends_of(runs)
        # Slots that were killed before they began anything are replaced after a second.
        wait_until(
            lambda: slots.run("ok").verdict is Verdict.SUCCEEDED, message="the slots are replaced"
        )
    began.assert_exact(ends)
    for index, ended in enumerate(ends):
        if ended.verdict is Verdict.SUCCEEDED and ended.output is not None:
            assert set(ended.output.text.split()) <= {
                "print", "stderr", "WARNING", "acme:", "logged", "raw", "c", str(index),
            }, ended  # fmt: skip
