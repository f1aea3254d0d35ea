"""The memory bound of a process slot: it holds for one run, and fails that run alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.process_slots import ProcessSlots, process_slots
from worker.slots.runs import Verdict

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the bound")

BOUND = 64_000_000
FITS, EXCEEDS = 16_000_000, 256_000_000


@pytest.fixture(scope="module")
def slots() -> Iterator[ProcessSlots]:
    with process_slots("tests.slot_handlers", "in_process") as slots:
        yield slots


def test_a_run_within_its_bound_goes_well(slots: ProcessSlots) -> None:
    ended = slots.run("allocate", size=FITS, memory_bytes=BOUND)
    assert (ended.verdict, ended.text) == (Verdict.SUCCEEDED, f'{{"size":{FITS}}}')


def test_a_run_past_its_bound_fails_with_a_memory_error(slots: ProcessSlots) -> None:
    ended = slots.run("allocate", size=EXCEEDS, memory_bytes=BOUND)
    assert (ended.verdict, ended.text) == (Verdict.FAILED, "MemoryError")
    assert ended.output is not None
    assert ended.output.text.endswith("MemoryError\n")


def test_the_bound_ends_with_its_run(slots: ProcessSlots) -> None:
    ends = [
        slots.run("allocate", size=EXCEEDS, memory_bytes=bound) for bound in (BOUND, None, BOUND)
    ]
    assert [e.verdict for e in ends] == [Verdict.FAILED, Verdict.SUCCEEDED, Verdict.FAILED]


def test_what_earlier_runs_left_in_memory_does_not_count(slots: ProcessSlots) -> None:
    for _ in range(10):
        assert slots.run("keep", size=FITS, memory_bytes=BOUND).verdict is Verdict.SUCCEEDED


def test_a_result_that_takes_too_much_to_send_is_a_failure_too(slots: ProcessSlots) -> None:
    ended = slots.run("return_too_much", size=FITS, memory_bytes=BOUND)
    assert ended.verdict in (Verdict.FAILED, Verdict.RESULT_INVALID)
    assert slots.run("ok").verdict is Verdict.SUCCEEDED


def test_a_child_of_a_run_has_the_bound_for_itself() -> None:
    with process_slots("tests.slot_handlers", "in_process") as slots:
        ended = slots.run("allocate_in_child", size=EXCEEDS, memory_bytes=BOUND)
        assert json.loads(ended.text) == {"code": 1, "error": "MemoryError"}
        ended = slots.run("allocate_in_child", size=EXCEEDS)
        assert json.loads(ended.text) == {"code": 0, "error": ""}
