"""The transitions, the statements and the functions are one table, told three times."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import jobs
from app.jobs.enqueue import enqueue
from app.jobs.statements import SQL
from app.jobs.states import EVENT_KINDS, TRANSITIONS, Status

VERBS = sorted(SQL.glob("*.sql"))
ALL = sorted(SQL.rglob("*.sql"))
MIGRATION = Path("migrations/versions/core/core_0001_jobs_and_events.py")


def name(path: Path) -> str:
    return path.stem


def test_every_verb_has_its_statement() -> None:
    assert {path.stem for path in VERBS} == set(TRANSITIONS)


@pytest.mark.parametrize("path", VERBS, ids=name)
def test_a_statement_says_its_transition_and_appends_its_event(path: Path) -> None:
    transition = TRANSITIONS[path.stem]
    sources = " | ".join(transition.sources) or "-"
    text = path.read_text()
    assert text.splitlines()[0] == f"-- {path.stem}: {sources} -> {' | '.join(transition.targets)}"
    for event in transition.events:
        assert f"'{event}'" in text
    assert "insert into ops_job_events" in text


@pytest.mark.parametrize("path", VERBS, ids=name)
def test_a_holders_statement_carries_the_fence(path: Path) -> None:
    if TRANSITIONS[path.stem].sources == (Status.RUNNING,) and path.stem not in (
        "rescue",
        "request_cancel",
    ):
        assert "claim_seq" in path.read_text()
        assert "status = 'running'" in path.read_text()


@pytest.mark.parametrize("path", ALL, ids=name)
def test_a_statement_names_its_columns_and_keeps_to_the_style(path: Path) -> None:
    text = path.read_text()
    code = re.sub(r"--.*", "", text)
    comments = "\n".join(re.findall(r"--.*", text)[1:])
    assert not re.search(r"\b(select|returning)\s+\*", code)
    assert code == code.lower()
    assert not re.search(r":[a-z]", comments), "text() would bind it"
    assert max(len(line) for line in text.splitlines()) <= 110


def test_every_verb_is_a_function_of_the_core() -> None:
    hidden = {"request_cancel"}  # cancel decides between the two
    for verb in set(TRANSITIONS) - hidden:
        assert callable(getattr(jobs, verb))
    assert jobs.enqueue is enqueue


def test_final_states_are_left_by_requeue_alone() -> None:
    for verb, transition in TRANSITIONS.items():
        if any(source.is_final for source in transition.sources):
            assert verb == "requeue"


def test_the_database_knows_the_same_states_and_kinds() -> None:
    text = MIGRATION.read_text()
    states = re.search(r"status in \(([^)]*)\)\)", text)
    events = re.search(r"kind in \(([^)]*)\)", text)
    assert states is not None
    assert events is not None
    assert re.findall(r"'(\w+)'", states.group(1)) == [str(status) for status in Status]
    assert sorted(re.findall(r"'(\w+)'", events.group(1))) == sorted(EVENT_KINDS)
