"""Process slots for real: every way a handler can end, and that nothing of it is left behind."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process_slots import ProcessSlots, process_slots
from tests.processes import is_running
from tests.waiting import wait_until
from worker.slots.guard_keeper import GuardKeeper
from worker.slots.guard_link import GuardError
from worker.slots.runs import LOGS_PER_RUN, Run, StopReason, Verdict


@pytest.fixture(scope="module")
def slots() -> Iterator[ProcessSlots]:
    slots = ProcessSlots()
    yield slots
    slots.close()


@pytest.fixture
def own_slots() -> Iterator[Any]:
    made: list[ProcessSlots] = []

    def make(**arguments: Any) -> ProcessSlots:
        made.append(ProcessSlots(**arguments))
        return made[-1]

    yield make
    for slots in made:
        slots.close()


def pid_in(file: Path) -> int:
    wait_until(lambda: file.exists() and file.read_text().strip(), message=f"a pid in {file}")
    return int(file.read_text().split()[0])


def wait_until_gone(pid: int, within: float = 3.0) -> None:
    wait_until(lambda: not is_running(pid), message=f"process {pid} is gone", timeout=within)


def test_a_result_comes_back_as_json(slots: ProcessSlots) -> None:
    ended = slots.run("ok")
    assert (ended.verdict, ended.text, ended.stop) == (Verdict.SUCCEEDED, '{"ok":true}', None)
    assert ended.output is None


def test_a_slot_whose_handlers_need_no_database_loads_no_code_of_it() -> None:
    with process_slots("tests.slot_handlers", "in_process") as slots:
        packages = json.loads(slots.run("name_packages").text)["packages"]
    assert "pydantic" in packages
    assert {"app", "psycopg", "sqlalchemy"}.isdisjoint(packages)


def test_no_result_is_an_empty_object(slots: ProcessSlots) -> None:
    assert slots.run("nothing").text == "{}"


def test_a_coroutine_is_awaited_and_its_model_is_the_result(slots: ProcessSlots) -> None:
    slots.pool.submit([Run(uuid.uuid4(), 1, "strict", 2, '{"how": "ok"}', 30)])
    ended = slots.next()
    assert (ended.verdict, ended.text) == (Verdict.SUCCEEDED, '{"how":"ok","file":""}')
    assert slots.told[-1].message == "attempt 2"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exit_0", "slot process died: exit code 0"),
        ("exit_3", "slot process died: exit code 3"),
        ("segfault", "slot process died: SIGSEGV"),
        ("abort", "slot process died: SIGABRT"),
        ("kill_self", "slot process died: SIGKILL"),
        ("garbage", "the slot process sent garbage: a frame of 4294967295 bytes"),
        ("half_a_frame", "slot process died: exit code 0"),
        ("close_all", "slot process died: exit code 70"),
    ],
)
def test_a_slot_that_dies_is_never_a_success(slots: ProcessSlots, how: str, words: str) -> None:
    ended = slots.run(how)
    assert (ended.verdict, ended.text) == (Verdict.DIED, words)
    assert slots.run("ok").verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("sys_exit_0", "SystemExit: 0"),
        ("interrupt", "KeyboardInterrupt"),
        ("generator_exit", "GeneratorExit"),
        ("unprintable", "Unprintable: (its message could not be read)"),
    ],
)
def test_whatever_a_handler_raises_is_a_failure_with_its_name(
    slots: ProcessSlots, how: str, words: str
) -> None:
    ended = slots.run(how)
    assert (ended.verdict, ended.text) == (Verdict.FAILED, words)


def test_an_error_text_is_made_storable_and_short(slots: ProcessSlots) -> None:
    ended = slots.run("odd_error")
    assert ended.text.startswith("ValueError: bad \ufffd \ufffd xxx")
    assert len(ended.text.encode()) <= 4_096
    assert ended.output is not None
    assert "Traceback" in ended.output.text


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("nan", "n is nan, which is not JSON"),
        ("set", "s is a set, which is not JSON"),
        ("bytes", "b is a bytes, which is not JSON"),
        ("cycle", "nested deeper than 64 levels"),
        ("deep", "nested deeper than 64 levels"),
        ("huge", "50000008 bytes, over the limit of 1000000"),
        ("nul", "x has a NUL character or a lone surrogate"),
        ("surrogate", "x has a NUL character or a lone surrogate"),
        ("int_key", "a key of the result is not plain text"),
        ("list", "an object is expected, not list"),
        ("forge", "not JSON: NaN is not JSON"),
    ],
)
def test_a_result_that_cannot_be_stored_is_told_so(
    slots: ProcessSlots, how: str, words: str
) -> None:
    ended = slots.run(how)
    assert (ended.verdict, ended.text) == (Verdict.RESULT_INVALID, words)


@pytest.mark.parametrize(
    "payload",
    ["[" * 5_000 + "]" * 5_000, '{"how": 1' + "0" * 5_000 + "}", '{"how": "ok", "more": 1}', "{}"],
)
def test_a_payload_that_does_not_fit_is_told_so(slots: ProcessSlots, payload: str) -> None:
    slots.pool.submit([Run(uuid.uuid4(), 1, "misbehave", 1, payload, 30)])
    ended = slots.next()
    assert ended.verdict is Verdict.PAYLOAD_INVALID
    assert len(ended.text) < 200


def test_steering_exceptions_steer(slots: ProcessSlots) -> None:
    later, given_up = slots.run("later"), slots.run("give_up")
    assert (later.verdict, later.text, later.delay_seconds) == (Verdict.RETRY_LATER, "not yet", 7.0)
    assert (given_up.verdict, given_up.text) == (Verdict.GAVE_UP, "no use")


def test_progress_and_log_lines_arrive_before_the_end_and_storable(slots: ProcessSlots) -> None:
    slots.told.clear()
    ended = slots.run("tell")
    progress, log = slots.told
    assert (progress.kind, progress.data) == (
        "progress",
        {"done": 1, "total": 3, "message": "one\ufffd"},
    )
    assert (log.kind, log.message, log.run) == ("log", "drafted \ufffd", ended.run)
    assert f'"id":"{ended.run.id}"' in ended.text
    assert '"settings":{"fetch_max_bytes":5}' in ended.text


def test_log_lines_are_capped(slots: ProcessSlots) -> None:
    slots.told.clear()
    slots.run("log_a_lot")
    assert len(slots.told) == LOGS_PER_RUN


def test_output_is_kept_per_run_and_made_storable(slots: ProcessSlots) -> None:
    output = slots.run("print_oddly").output
    assert output is not None
    assert output.text == (
        "red nul\ufffd lone\\ud800 end\n"
        "raw \ufffd\ufffd bytes\n"
        "to stderr\n"
        "WARNING acme: logged words\n"
    )
    assert slots.run("ok").output is None


def test_a_flood_of_output_keeps_its_head_and_its_tail(slots: ProcessSlots) -> None:
    output = slots.run("flood").output
    assert output is not None
    assert output.is_truncated
    assert output.size_bytes > 5_000_000
    assert len(output.text) < 70_000
    assert output.text.startswith("first line\n")
    assert output.text.endswith("\nlast line\n")


def test_a_handler_sees_no_environment_but_the_allowed(
    slots: ProcessSlots, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = slots.run("read_runner").text
    assert "DATABASE_URL" not in text
    assert "PYTEST" not in text
    assert text.count('"PATH":') == 1


def test_a_slot_is_reused_and_its_state_put_back(slots: ProcessSlots) -> None:
    first, second = slots.run("change"), slots.run("change")
    assert first.text == second.text
    assert slots.run("pid").text == slots.run("pid").text


def test_a_slot_is_replaced_after_its_share_of_jobs(own_slots: Any) -> None:
    slots = own_slots(recycle_jobs=2)
    pids = [slots.run("pid").text for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_slot_with_a_thread_left_running_is_replaced(slots: ProcessSlots) -> None:
    assert slots.run("leave_thread").text != slots.run("pid").text


def test_a_fork_that_comes_back_from_the_handler_is_no_slot(slots: ProcessSlots) -> None:
    assert slots.run("return_from_fork").text == '{"is_child":false}'
    assert slots.run("ok").text == '{"ok":true}'


def test_what_a_handler_leaves_behind_is_killed_when_it_ends(
    slots: ProcessSlots, tmp_path: Path
) -> None:
    ended = slots.run("daemonise", file=tmp_path / "pid")
    assert ended.verdict is Verdict.SUCCEEDED
    assert not is_running(pid_in(tmp_path / "pid"))


def test_what_a_handler_leaves_behind_is_killed_when_its_slot_crashes(
    slots: ProcessSlots, tmp_path: Path
) -> None:
    ended = slots.run("daemonise_and_crash", file=tmp_path / "pid")
    assert ended.text == "slot process died: SIGKILL"
    wait_until_gone(pid_in(tmp_path / "pid"))


@pytest.mark.parametrize("how", ["ignore_sigterm", "sleep_in_child", "daemonise_and_sleep"])
def test_a_timeout_kills_the_whole_tree(own_slots: Any, tmp_path: Path, how: str) -> None:
    slots = own_slots(grace=0.2)
    ended = slots.run(how, file=tmp_path / "pid", timeout_seconds=1.0)
    assert ended.stop is StopReason.TIMEOUT
    assert 0.9 <= ended.seconds < 4
    wait_until_gone(pid_in(tmp_path / "pid"))
    assert slots.run("ok").verdict is Verdict.SUCCEEDED


def test_a_cooperative_handler_ends_within_the_grace(slots: ProcessSlots, tmp_path: Path) -> None:
    run = slots.submit("wait", file=tmp_path / "started")
    wait_until((tmp_path / "started").exists, message="the handler runs")
    slots.pool.stop(run.id, run.claim_seq, StopReason.CANCEL)
    ended = slots.next()
    assert (ended.verdict, ended.stop) == (Verdict.CANCELLED, StopReason.CANCEL)


def test_a_result_of_a_stopped_handler_is_marked_so(slots: ProcessSlots, tmp_path: Path) -> None:
    run = slots.submit("finish_when_stopped", file=tmp_path / "started")
    wait_until((tmp_path / "started").exists, message="the handler runs")
    slots.pool.stop(run.id, run.claim_seq, StopReason.DRAIN)
    ended = slots.next()
    assert (ended.verdict, ended.stop) == (Verdict.SUCCEEDED, StopReason.DRAIN)


def test_a_stop_that_comes_too_late_does_not_reach_the_next_run(slots: ProcessSlots) -> None:
    run = slots.submit("ok")
    assert slots.next().run == run
    slots.pool.stop(run.id, run.claim_seq, StopReason.CANCEL)
    ended = slots.run("pid")
    assert (ended.verdict, ended.stop) == (Verdict.SUCCEEDED, None)


def test_stopping_a_claim_that_another_took_over_stops_nothing(slots: ProcessSlots) -> None:
    run = slots.submit("ok")
    slots.pool.stop(run.id, run.claim_seq + 1, StopReason.CANCEL)
    assert slots.next().stop is None


def test_a_run_that_waits_for_a_slot_can_be_stopped(slots: ProcessSlots, tmp_path: Path) -> None:
    first = slots.submit("wait", file=tmp_path / "started")
    second = slots.submit("ok")
    wait_until((tmp_path / "started").exists, message="the handler runs")
    slots.pool.stop(second.id, second.claim_seq, StopReason.DRAIN)
    ended = slots.next()
    assert (ended.run, ended.verdict) == (second, Verdict.NOT_STARTED)
    slots.pool.stop(first.id, first.claim_seq, StopReason.CANCEL)
    assert slots.next().run == first


def test_handlers_stop_before_an_unrenewed_lease_ends(own_slots: Any, tmp_path: Path) -> None:
    slots = own_slots()
    slots.lease.__init__(1.5, 0.2)
    ended = slots.run("ignore_sigterm", file=tmp_path / "pid")
    assert ended.stop is StopReason.FENCE
    assert ended.seconds < 4


def test_a_killed_guard_takes_its_slots_along_and_is_started_again(
    own_slots: Any, tmp_path: Path
) -> None:
    slots = own_slots(size=2)
    slots.submit("ignore_sigterm", file=tmp_path / "pid")
    other = pid_in(tmp_path / "pid")
    slots.submit("kill_guard")
    for ended in (slots.next(), slots.next()):
        assert (ended.verdict, ended.text) == (Verdict.DIED, "slot process died with its guard")
    wait_until_gone(other)
    assert slots.run("ok").verdict is Verdict.SUCCEEDED


def test_runs_share_the_slots(own_slots: Any) -> None:
    slots = own_slots(size=2)
    runs = {slots.submit("pid").id for _ in range(50)}
    ended = [slots.next() for _ in range(50)]
    assert {e.run.id for e in ended} == runs
    assert len({e.text for e in ended}) == 2


def test_a_module_that_does_not_import_stops_the_start() -> None:
    guards = GuardKeeper(["tests.no_such_module"], {})
    with pytest.raises(GuardError, match=r"tests.no_such_module: ModuleNotFoundError"):
        guards.start()


def test_closing_the_pool_leaves_no_process(own_slots: Any, tmp_path: Path) -> None:
    slots = own_slots()
    slots.submit("daemonise_and_sleep", file=tmp_path / "pid")
    grandchild = pid_in(tmp_path / "pid")
    guard = slots.guards.link.pid
    slots.close()
    assert not is_running(grandchild)
    assert not is_running(guard)
