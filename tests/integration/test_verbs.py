"""Each verb against a real database: its row, its event, its fence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from app import jobs
from app.jobs.audit import audit
from tests.factories import ACTOR, TYPE, a_claim, a_runner, age_lease, kinds

Conn = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def _history_stays_sound(connection: Conn) -> Any:
    yield
    assert audit(connection) == []


def claim(conn: Conn, *, limit: int = 10, allowlist: tuple[str, ...] = (TYPE,)) -> list[jobs.Claim]:
    runner = a_runner(conn)
    return jobs.claim(conn, runner_instance=runner, actor=ACTOR, allowlist=allowlist, limit=limit)


def test_a_job_exists_only_if_the_callers_transaction_commits(connection: Conn) -> None:
    with connection.transaction(force_rollback=True):
        job = jobs.enqueue(connection, TYPE, {})
    with pytest.raises(jobs.JobNotFound):
        jobs.get_job(connection, job.id)


def test_enqueue_writes_the_job_and_its_event(connection: Conn) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    job = jobs.enqueue(
        connection, TYPE, {"n": 2**53 + 1, "text": "ä"}, queue="slow", priority=0, tags=["a", "b"],
        available_at=due, max_attempts=7, timeout_seconds=9, requested_by="ana", request_id="r1",
        actor="user:ana",
    )  # fmt: skip
    found = jobs.get_job(connection, job.id)
    assert found == job
    assert found.payload == {"n": 2**53 + 1, "text": "ä"}
    assert (found.queue, found.priority, found.tags) == ("slow", 0, ["a", "b"])
    assert (found.available_at, found.max_attempts, found.timeout_seconds) == (due, 7, 9)
    (event,) = jobs.list_events(connection, job.id)
    assert (event.kind, event.actor, event.attempt) == ("queued", "user:ana", 0)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"payload": {"b": [1, 2.5, None], "a": {"ä": True}}},
        {"queue": "slow"},
        {"priority": 0},
        {"available_at": datetime(2100, 1, 1, tzinfo=UTC)},
        {"available_at": datetime(2100, 1, 1, tzinfo=UTC), "delay_seconds": 60},
        {"delay_seconds": 0.5},
        {"max_attempts": 7},
        {"timeout_seconds": 86_400},
        {"concurrency_key": "customer-7"},
        {"dedupe_key": "daily"},
        {"tags": ["a,b", "{}"]},
        {"tags": [], "queue": "slow"},
        {"requested_by": "ana"},
        {"request_id": "r1"},
        {"replay_of": UUID(int=7)},
        {"schedule_id": UUID(int=7)},
    ],
    ids=lambda asked: " and ".join(asked) or "nothing",
)
def test_the_job_that_enqueue_returns_is_the_one_recorded(
    connection: Conn, asked: dict[str, Any]
) -> None:
    job = jobs.enqueue(connection, TYPE, **asked)
    assert jobs.get_job(connection, job.id) == job
    kept = {name: value for name, value in asked.items() if name != "delay_seconds"}
    assert {name: getattr(job, name) for name in kept} == kept
    if kept != asked and "available_at" not in asked:
        assert job.available_at - job.created_at == timedelta(seconds=asked["delay_seconds"])


def test_many_jobs_are_enqueued_in_the_order_given(connection: Conn) -> None:
    new = [jobs.NewJob(job_type=TYPE, payload={"n": n}) for n in range(500)]
    ids = jobs.enqueue_many(connection, new, actor="user:ana")
    made = [jobs.get_job(connection, job_id) for job_id in ids]
    assert [job.payload["n"] for job in made] == list(range(500))
    assert [job.seq for job in made] == sorted(job.seq for job in made)
    assert {len({job.created_at, job.available_at}) for job in made} == {1}
    assert [c.payload_text for c in claim(connection, limit=2)] == ['{"n": 0}', '{"n": 1}']
    (event,) = jobs.list_events(connection, ids[-1])
    assert (event.kind, event.actor, event.attempt) == ("queued", "user:ana", 0)


def test_many_jobs_keep_what_was_asked_of_each(connection: Conn) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    options: dict[str, Any] = {
        "payload": {"text": "tab\t, newline\n, backslash \\, ä"}, "queue": "slow", "priority": 0,
        "max_attempts": 7, "timeout_seconds": 9,
        "tags": ["a,b", 'c"d', "{}", "null"],
        "concurrency_key": "customer-7",
        "requested_by": "\\N", "request_id": "r", "replay_of": uuid4(), "schedule_id": uuid4(),
    }  # fmt: skip
    at, delayed = jobs.enqueue_many(
        connection,
        [
            jobs.NewJob(job_type=TYPE, available_at=due, **options),
            jobs.NewJob(job_type=TYPE, delay_seconds=60, **options),
        ],
    )
    found = jobs.get_job(connection, at)
    assert {name: getattr(found, name) for name in options} == options
    assert found.available_at == due
    later = jobs.get_job(connection, delayed)
    assert later.available_at - later.created_at == timedelta(seconds=60)


def test_many_jobs_are_enqueued_all_or_none(connection: Conn) -> None:
    new = [jobs.NewJob(job_type=TYPE), jobs.NewJob(job_type=TYPE, priority=99)]
    with pytest.raises(psycopg.errors.CheckViolation):
        jobs.enqueue_many(connection, new)
    assert jobs.list_jobs(connection).jobs == []


def test_many_jobs_respect_dedupe_keys(connection: Conn) -> None:
    active = jobs.enqueue(connection, TYPE, {}, dedupe_key="a").id
    first, again, plain, held = jobs.enqueue_many(
        connection,
        [
            jobs.NewJob(job_type=TYPE, dedupe_key="b"),
            jobs.NewJob(job_type=TYPE, dedupe_key="b"),
            jobs.NewJob(job_type=TYPE),
            jobs.NewJob(job_type=TYPE, dedupe_key="a"),
        ],
    )
    assert first == again
    assert held == active
    assert len({first, plain, held}) == 3
    assert len(jobs.list_jobs(connection).jobs) == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", 10), ("priority", -1), ("queue", "No"), ("max_attempts", 0),
        ("timeout_seconds", 0), ("available_at", datetime(9999, 1, 1, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_an_illegal_job_is_impossible(connection: Conn, field: str, value: Any) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        jobs.enqueue(connection, TYPE, {}, actor=ACTOR, **{field: value})


@pytest.mark.parametrize("name", ["", "Test", "a b", "../x", "os.system", "a\n", "ä", "1a"])
def test_a_job_type_never_looks_like_code(connection: Conn, name: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        jobs.enqueue(connection, name, {})


def test_an_active_job_holds_its_dedupe_key_until_it_ends(connection: Conn) -> None:
    first = a_claim(connection, dedupe_key="daily")
    second = jobs.enqueue(connection, TYPE, {}, dedupe_key="daily")
    assert (second.id, second.is_new) == (first.id, False)
    assert jobs.enqueue(connection, "other_job", {}, dedupe_key="daily").is_new
    jobs.succeed(connection, [jobs.Success(first.id, first.claim_seq, "{}")], actor=ACTOR)
    third = jobs.enqueue(connection, TYPE, {}, dedupe_key="daily")
    assert third.is_new
    assert third.id != first.id


def test_an_idempotency_key_stands_for_one_job(connection: Conn) -> None:
    new = jobs.NewJob(job_type=TYPE, payload={"n": 1})
    first, was_used = jobs.enqueue_once(connection, new, key="k", body_sha256=b"a" * 32)
    again, is_used = jobs.enqueue_once(connection, new, key="k", body_sha256=b"a" * 32)
    assert (again.id, was_used, is_used) == (first.id, False, True)
    with pytest.raises(jobs.IdempotencyKeyReused):
        jobs.enqueue_once(connection, new, key="k", body_sha256=b"b" * 32)
    assert len(jobs.list_jobs(connection).jobs) == 1


def test_an_idempotency_key_may_name_a_deduplicated_job(connection: Conn) -> None:
    twin = jobs.enqueue(connection, TYPE, {}, dedupe_key="d")
    new = jobs.NewJob(job_type=TYPE, dedupe_key="d")
    for expected in (False, True):
        job, was_used = jobs.enqueue_once(connection, new, key="k", body_sha256=b"a" * 32)
        assert (job.id, was_used) == (twin.id, expected)


def test_claim_takes_the_urgent_then_the_oldest(connection: Conn) -> None:
    late = jobs.enqueue(connection, TYPE, {}, priority=5)
    old = jobs.enqueue(connection, TYPE, {}, available_at=datetime(2020, 1, 1, tzinfo=UTC))
    urgent = jobs.enqueue(connection, TYPE, {}, priority=0)
    assert [c.id for c in claim(connection)] == [urgent.id]
    assert [c.id for c in claim(connection)] == [old.id, late.id]
    assert claim(connection) == []


def test_a_flood_in_one_lane_starves_no_other(connection: Conn) -> None:
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 100)
    other_type = jobs.enqueue(connection, "other_job", {})
    other_queue = jobs.enqueue(connection, TYPE, {}, queue="small")
    taken = claim(connection, limit=6, allowlist=(TYPE, "other_job"))
    assert {other_type.id, other_queue.id} < {c.id for c in taken}
    assert len(taken) == 4  # two of its own share, one of each small lane


def test_lanes_take_turns_where_places_are_few(connection: Conn) -> None:
    runner = a_runner(connection)
    types = ["a_job", "b_job", "c_job"]
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=name) for name in types * 10])
    taken = [
        jobs.claim(
            connection, runner_instance=runner, actor=ACTOR, allowlist=types, limit=1, turn=turn
        )[0].job_type
        for turn in range(6)
    ]
    assert sorted(taken[:3]) == sorted(taken[3:]) == types


def test_a_claim_of_known_lanes_starts_at_their_marks(connection: Conn) -> None:
    runner = a_runner(connection)
    early = jobs.enqueue(connection, TYPE, {}, available_at=datetime(2020, 1, 1, tzinfo=UTC))
    late = jobs.enqueue(connection, TYPE, {}, available_at=datetime(2020, 1, 2, tzinfo=UTC))
    lane = jobs.Lane(
        priority=5, queue="default", job_type=TYPE, concurrency_key="",
        due_at=late.available_at, mark=0,
    )  # fmt: skip

    def take(lanes: list[jobs.Lane], *, only_lanes: bool = True) -> list[UUID]:
        claims = jobs.claim(
            connection, runner_instance=runner, actor=ACTOR, allowlist=[TYPE], limit=5,
            lanes=lanes, only_lanes=only_lanes,
        )  # fmt: skip
        return [c.id for c in claims]

    assert take([lane._replace(mark=late.seq)]) == []
    assert take([lane]) == [late.id]
    assert take([lane]) == take([]) == take([lane], only_lanes=False) == []
    assert take([], only_lanes=False) == [early.id]


def test_a_batch_is_held_until_it_is_closed(connection: Conn) -> None:
    runner = a_runner(connection)
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 2)
    one, two = jobs.claim(
        connection, runner_instance=runner, actor=ACTOR, allowlist=[TYPE], limit=2
    )
    assert one.batch == two.batch
    jobs.succeed(connection, [jobs.Success(one.id, one.claim_seq, None)], actor=ACTOR)
    assert jobs.held_claims(connection, runner_instance=runner) == [two]
    age_lease(connection, seconds=120)
    assert jobs.rescue(connection, lease_seconds=60, budget=3, actor="api") == [two.id]
    assert not jobs.runner_state(connection, lease_seconds=60).holding_silent


def test_closed_claims_leave_nothing_to_rescue(connection: Conn) -> None:
    held = a_claim(connection)
    jobs.succeed(connection, [jobs.Success(held.id, held.claim_seq, None)], actor=ACTOR)
    jobs.close_claims(connection, [held.batch])
    age_lease(connection, seconds=120)
    assert not jobs.runner_state(connection, lease_seconds=60).holding_silent


def test_claim_leaves_what_is_not_due_not_allowed_or_paused(connection: Conn) -> None:
    jobs.enqueue(connection, TYPE, {}, delay_seconds=60)
    jobs.enqueue(connection, "other_job", {})
    jobs.enqueue(connection, TYPE, {}, queue="paused")
    connection.execute(
        "insert into ops_queues (name, paused_at, paused_by) values ('paused', now(), 'user:ana')"
    )
    assert claim(connection) == []


def test_a_queue_resumes_by_itself(connection: Conn) -> None:
    jobs.enqueue(connection, TYPE, {}, queue="paused")
    connection.execute(
        "insert into ops_queues (name, paused_at, paused_by, resume_at) "
        "values ('paused', now(), 'user:ana', now() - interval '1 second')"
    )
    assert len(claim(connection)) == 1


def test_claim_numbers_the_claim_and_records_its_holder(connection: Conn) -> None:
    held = a_claim(connection)
    job = jobs.get_job(connection, held.id)
    assert (job.status, job.attempt, job.claim_seq) == ("running", 1, 1)
    assert job.started_at is not None
    assert job.runner_instance is not None
    assert kinds(connection, job.id) == ["queued", "running"]


def test_a_claim_renews_the_sign_of_life_of_an_idle_runner(connection: Conn) -> None:
    runner = a_runner(connection)
    age_lease(connection, seconds=3600)
    jobs.enqueue(connection, TYPE, {})
    jobs.claim(connection, runner_instance=runner, actor=ACTOR, allowlist=[TYPE], limit=1)
    assert not jobs.runner_state(connection, lease_seconds=60).holding_silent
    assert jobs.rescue(connection, lease_seconds=60, budget=3, actor="api") == []


def test_succeed_records_the_result_once(connection: Conn) -> None:
    held = a_claim(connection)
    outcome = jobs.Success(held.id, held.claim_seq, '{"n": 1}')
    assert jobs.succeed(connection, [outcome], actor=ACTOR) == []
    (lost,) = jobs.succeed(connection, [outcome], actor=ACTOR)
    assert (lost.job_id, lost.claim_seq) == (held.id, held.claim_seq)
    job = jobs.get_job(connection, held.id)
    assert (job.status, job.result) == ("succeeded", {"n": 1})
    assert kinds(connection, job.id) == ["queued", "running", "succeeded"]


def test_a_batch_settles_each_job_by_itself(connection: Conn) -> None:
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 3)
    one, two, three = claim(connection)
    lost = jobs.succeed(
        connection,
        [
            jobs.Success(one.id, one.claim_seq, "1"),
            jobs.Success(two.id, two.claim_seq + 1, "2"),
            jobs.Success(three.id, three.claim_seq, None),
        ],
        actor=ACTOR,
    )
    assert [error.job_id for error in lost] == [two.id]
    assert jobs.get_job(connection, one.id).result == 1
    assert jobs.get_job(connection, two.id).status == "running"
    assert jobs.get_job(connection, three.id).result is None


def test_retry_is_due_after_its_delay_and_spends_the_attempt(connection: Conn) -> None:
    held = a_claim(connection, max_attempts=2)
    jobs.retry(connection, [jobs.Retry(held.id, held.claim_seq, "boom", 30.0)], actor=ACTOR)
    job = jobs.get_job(connection, held.id)
    assert (job.status, job.attempt, job.error) == ("queued", 1, "boom")
    assert job.available_at - job.updated_at > timedelta(seconds=29)
    assert claim(connection) == []
    event = jobs.list_events(connection, held.id)[-1]
    assert (event.kind, event.message) == ("retry_scheduled", "boom")
    assert event.data is not None
    assert event.data["delay_seconds"] == 30


def test_fail_is_the_last_word(connection: Conn) -> None:
    held = a_claim(connection)
    jobs.fail(connection, [jobs.Failure(held.id, held.claim_seq, "boom")], actor=ACTOR)
    job = jobs.get_job(connection, held.id)
    assert (job.status, job.error) == ("failed", "boom")
    assert jobs.list_events(connection, held.id)[-1].message == "boom"


def test_release_gives_the_attempt_back(connection: Conn) -> None:
    held = a_claim(connection, max_attempts=1)
    jobs.release(connection, [jobs.Held(held.id, held.claim_seq)], actor=ACTOR, message="draining")
    assert jobs.get_job(connection, held.id).attempt == 0
    (again,) = claim(connection)
    assert (again.attempt, again.claim_seq) == (1, 2)


def test_a_runner_that_lost_its_claim_can_change_nothing(connection: Conn) -> None:
    old = a_claim(connection)
    age_lease(connection, seconds=120)
    assert jobs.rescue(connection, lease_seconds=60, budget=3, actor="api") == [old.id]
    (new,) = claim(connection)
    before = jobs.get_job(connection, old.id)
    fence = jobs.Held(old.id, old.claim_seq)
    verbs: list[list[jobs.ClaimLost]] = [
        jobs.succeed(connection, [jobs.Success(old.id, old.claim_seq, "{}")], actor=ACTOR),
        jobs.retry(connection, [jobs.Retry(old.id, old.claim_seq, "x", 0)], actor=ACTOR),
        jobs.fail(connection, [jobs.Failure(old.id, old.claim_seq, "x")], actor=ACTOR),
        jobs.release(connection, [fence], actor=ACTOR),
        jobs.abort(connection, [fence], actor=ACTOR),
        jobs.report(connection, [jobs.Report(old.id, old.claim_seq, "log", "x")], actor=ACTOR),
    ]
    assert [len(lost) for lost in verbs] == [1] * 6
    assert jobs.reject(connection, [fence], allowlist=["other_job"], actor=ACTOR) == []
    assert jobs.get_job(connection, old.id) == before
    assert jobs.succeed(connection, [jobs.Success(new.id, new.claim_seq, "1")], actor=ACTOR) == []


def test_rescue_gives_the_attempt_back_until_its_own_budget_is_spent(connection: Conn) -> None:
    job_id = jobs.enqueue(connection, TYPE, {}, max_attempts=1).id
    for rescues in (1, 2, 3):
        assert len(claim(connection)) == 1
        age_lease(connection, seconds=120)
        jobs.rescue(connection, lease_seconds=60, budget=2, actor="api")
        job = jobs.get_job(connection, job_id)
        assert job.rescues == rescues
    assert (job.status, job.error) == ("failed", "the runner died under this job too often")
    assert kinds(connection, job_id) == ["queued"] + ["running", "rescued"] * 3


def test_rescue_leaves_the_jobs_of_a_runner_that_lives(connection: Conn) -> None:
    held = a_claim(connection)
    assert jobs.rescue(connection, lease_seconds=60, budget=3, actor="api") == []
    assert jobs.get_job(connection, held.id).status == "running"


def test_a_heartbeat_renews_every_claim_and_brings_the_cancels(connection: Conn) -> None:
    runner = a_runner(connection)
    jobs.enqueue_many(connection, [jobs.NewJob(job_type=TYPE)] * 2)
    one, _ = jobs.claim(connection, runner_instance=runner, actor=ACTOR, allowlist=[TYPE], limit=2)
    age_lease(connection, seconds=120)
    assert jobs.heartbeat(connection, runner_instance=runner) == []
    assert jobs.rescue(connection, lease_seconds=60, budget=3, actor="api") == []
    jobs.cancel(connection, one.id, actor="api")
    assert jobs.heartbeat(connection, runner_instance=runner) == [jobs.Held(one.id, 1)]


def test_cancel_ends_a_queued_job_at_once(connection: Conn) -> None:
    job = jobs.enqueue(connection, TYPE, {})
    cancelled = jobs.cancel(connection, job.id, actor="user:ana", reason="not needed")
    assert cancelled.status == "cancelled"
    event = jobs.list_events(connection, job.id)[-1]
    assert (event.kind, event.actor, event.message) == ("cancelled", "user:ana", "not needed")


def test_cancel_asks_the_holder_of_a_running_job(connection: Conn) -> None:
    held = a_claim(connection)
    asked = jobs.cancel(connection, held.id, actor="api")
    assert (asked.status, asked.cancel_requested_at is None) == ("running", False)
    assert jobs.cancel(connection, held.id, actor="api") == asked
    jobs.abort(connection, [jobs.Held(held.id, held.claim_seq)], actor=ACTOR)
    assert jobs.get_job(connection, held.id).status == "cancelled"
    assert kinds(connection, held.id) == ["queued", "running", "cancel_requested", "cancelled"]


def test_a_final_job_is_not_cancelled(connection: Conn) -> None:
    held = a_claim(connection)
    jobs.succeed(connection, [jobs.Success(held.id, held.claim_seq, "{}")], actor=ACTOR)
    with pytest.raises(jobs.WrongState):
        jobs.cancel(connection, held.id, actor="api")
    with pytest.raises(jobs.JobNotFound):
        jobs.cancel(connection, uuid4(), actor="api")


def test_reject_fails_a_queued_job_whose_own_type_is_not_allowed(connection: Conn) -> None:
    allowed = jobs.enqueue(connection, TYPE, {})
    other = jobs.enqueue(connection, "other_job", {})
    told = [jobs.Held(allowed.id, None), jobs.Held(other.id, None)]
    assert jobs.reject(connection, told, allowlist=[TYPE], actor=ACTOR) == [other.id]
    assert jobs.get_job(connection, other.id).status == "failed"
    assert kinds(connection, other.id) == ["queued", "rejected"]
    assert jobs.get_job(connection, allowed.id).status == "queued"


def test_requeue_gives_a_spent_job_one_more_attempt(connection: Conn) -> None:
    held = a_claim(connection, max_attempts=1)
    jobs.fail(connection, [jobs.Failure(held.id, held.claim_seq, "boom")], actor=ACTOR)
    job = jobs.requeue(connection, held.id, actor="user:ana")
    assert (job.status, job.attempt, job.max_attempts, job.error) == ("queued", 1, 2, None)
    assert claim(connection)[0].attempt == 2
    with pytest.raises(jobs.WrongState):
        jobs.requeue(connection, held.id, actor="user:ana")


def test_requeue_gives_way_to_an_active_twin(connection: Conn) -> None:
    first = jobs.enqueue(connection, TYPE, {}, dedupe_key="d")
    jobs.cancel(connection, first.id, actor="api")
    twin = jobs.enqueue(connection, TYPE, {}, dedupe_key="d")
    with pytest.raises(jobs.DedupeKeyHeld) as refusal:
        jobs.requeue(connection, first.id, actor="api")
    assert (refusal.value.job_id, refusal.value.holder_id) == (first.id, twin.id)
    with pytest.raises(jobs.WrongState):
        jobs.requeue(connection, twin.id, actor="api")


def test_reports_are_kept_in_order_and_the_newest_progress_is_the_jobs(connection: Conn) -> None:
    held = a_claim(connection)
    lines = [
        jobs.Report(held.id, held.claim_seq, "progress", "first", {"done": 1}),
        jobs.Report(held.id, held.claim_seq, "log", "drafted"),
        jobs.Report(held.id, held.claim_seq, "progress", None, {"done": 2}),
    ]
    assert jobs.report(connection, lines, actor=ACTOR) == []
    assert jobs.get_job(connection, held.id).progress == {"done": 2}
    assert kinds(connection, held.id)[2:] == ["progress", "log", "progress"]


def test_look_knows_the_next_due_time_and_the_next_lease_end(connection: Conn) -> None:
    me = a_runner(connection)

    def look() -> jobs.Look:
        return jobs.look(connection, runner_instance=me, allowlist=[TYPE], lease_seconds=60)

    assert look() == jobs.Look(None, None)
    a_claim(connection)
    jobs.enqueue(connection, "other_job", {})
    jobs.enqueue(connection, TYPE, {}, delay_seconds=90, priority=0)
    jobs.enqueue(connection, TYPE, {}, delay_seconds=30, priority=9)
    found = look()
    assert found.due_in_seconds == pytest.approx(30, abs=5)
    assert found.lease_ends_in_seconds == pytest.approx(60, abs=5)


def test_a_look_asks_something_else_in_the_same_statement(connection: Conn) -> None:
    found = jobs.look(
        connection,
        runner_instance=uuid4(),
        allowlist=[TYPE],
        lease_seconds=60,
        beside=b"-- seconds\nselect 7.5::double precision",
    )
    assert found == jobs.Look(None, None, 7.5)


def test_held_claims_are_what_the_database_says(connection: Conn) -> None:
    runner = a_runner(connection)
    jobs.enqueue(connection, TYPE, {"n": 1})
    claims = jobs.claim(connection, runner_instance=runner, actor=ACTOR, allowlist=[TYPE], limit=1)
    assert jobs.held_claims(connection, runner_instance=runner) == claims
    assert jobs.held_claims(connection, runner_instance=uuid4()) == []
