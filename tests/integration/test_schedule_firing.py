"""One job for each occurrence: whoever fires it, however often, and whatever dies meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from app import jobs, schedules
from app.schedules import MissedPolicy
from tests.pgbouncer import connect
from tests.schedules import (
    a_due_schedule,
    a_schedule,
    check_one_job_for_each_fire,
    fires,
    job_ids,
    make_late,
)
from tests.waiting import wait_until

Conn = psycopg.Connection[Any]
ACTOR = "cron"


@pytest.fixture(autouse=True)
def _jobs_and_fires_agree(connection: Conn) -> Iterator[None]:
    yield
    check_one_job_for_each_fire(connection)


@pytest.fixture
def other(database_url: str) -> Iterator[Conn]:
    """Return a second connection, whose transactions the test ends by hand."""
    with connect(database_url) as conn:
        yield conn


def fire(conn: Conn) -> list[schedules.Fired]:
    return schedules.fire_due(conn, actor=ACTOR)


def hour_before(hours: int) -> datetime:
    """Return the full hour that was `hours` full hours before the last one."""
    last = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return last - timedelta(hours=hours)


# What a fire makes


def test_a_due_schedule_makes_the_job_it_describes(connection: Conn) -> None:
    schedule = a_due_schedule(
        connection, payload={"n": 1}, queue="slow", priority=7, max_attempts=2,
        timeout_seconds=60, tags=["nightly"],
    )  # fmt: skip
    (fired,) = fire(connection)
    job = jobs.get_job(connection, fired.job_id)
    assert (job.job_type, job.payload, job.queue, job.priority) == ("test_job", {"n": 1}, "slow", 7)
    assert (job.max_attempts, job.timeout_seconds, job.tags) == (2, 60, ["nightly"])
    assert (job.schedule_id, job.requested_by) == (schedule.id, "schedule:hourly")
    assert fired.occurrence_at == hour_before(0)
    assert job.dedupe_key == f"hourly@{hour_before(0):%Y-%m-%dT%H}:00Z"
    assert job.available_at == job.created_at
    (event,) = jobs.list_events(connection, job.id)
    assert (event.kind, event.actor) == ("queued", "schedule:hourly")


def test_a_fire_moves_the_schedule_on(connection: Conn) -> None:
    a_due_schedule(connection)
    (fired,) = fire(connection)
    schedule = schedules.get_schedule(connection, "hourly")
    assert schedule.last_fired_for == fired.occurrence_at
    assert schedule.last_missed_for is None
    assert schedule.next_at == hour_before(-1)
    (found,) = schedules.list_fires(connection, schedule.id)
    assert (found.job_id, found.fired_by, found.status) == (fired.job_id, ACTOR, "queued")


def test_nothing_is_fired_before_its_time(connection: Conn) -> None:
    a_schedule(connection)
    assert fire(connection) == []
    due_in = schedules.next_due_in(connection)
    assert due_in is not None
    assert 0 < due_in <= 3600


def test_without_a_schedule_nothing_is_ever_due(connection: Conn) -> None:
    assert schedules.next_due_in(connection) is None
    assert fire(connection) == []


def test_every_due_schedule_is_fired_and_the_limit_holds(connection: Conn) -> None:
    for name in ("a", "b", "c"):
        a_due_schedule(connection, name)
    assert len(schedules.fire_due(connection, actor=ACTOR, limit=2)) == 2
    assert len(fire(connection)) == 1


# How often it is fired


def test_fired_twice_it_makes_one_job(connection: Conn) -> None:
    a_due_schedule(connection)
    assert len(fire(connection)) == 1
    assert fire(connection) == []


@pytest.mark.parametrize("firers", [10, 50])
def test_fired_by_many_at_once_it_makes_one_job_for_each_occurrence(
    connection: Conn, database_url: str, firers: int
) -> None:
    names = [f"schedule_{n}" for n in range(20)]
    for name in names:
        a_schedule(connection, name, missed_policy=MissedPolicy.ALL)
        make_late(connection, name, hours=3)
    start = threading.Barrier(firers)
    made: list[schedules.Fired] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with connect(database_url, autocommit=True) as conn:
                start.wait(30)
                made.extend(fire(conn))
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(firers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len({(one.schedule, one.occurrence_at) for one in made}) == len(made) == 60
    assert len(fires(connection)) == 60


def test_a_schedule_that_is_being_fired_is_passed_over(connection: Conn, other: Conn) -> None:
    a_due_schedule(connection)
    with other.transaction():
        assert schedules.fire_next(other, actor=ACTOR) is not None
        assert fire(connection) == []
    assert fire(connection) == []
    assert len(fires(connection)) == 1


def test_what_was_rolled_back_is_still_due(connection: Conn, other: Conn) -> None:
    a_due_schedule(connection)
    assert schedules.fire_next(other, actor=ACTOR) is not None
    other.rollback()
    assert len(fire(connection)) == 1


def test_one_that_was_set_back_by_hand_makes_no_second_job(connection: Conn) -> None:
    a_schedule(connection, missed_policy=MissedPolicy.ALL)
    make_late(connection, hours=2)
    assert [f.occurrence_at for f in fire(connection)] == [hour_before(1), hour_before(0)]
    make_late(connection, hours=3)
    assert [f.occurrence_at for f in fire(connection)] == [hour_before(2)]
    schedule = schedules.get_schedule(connection, "hourly")
    assert schedule.last_fired_for == hour_before(0)


def test_a_clock_that_went_back_makes_no_second_job(connection: Conn) -> None:
    a_due_schedule(connection)
    fire(connection)
    connection.execute(
        "update ops_schedules set next_at = now(), caught_up_to = now() + interval '2 hours'"
    )
    assert fire(connection) == []
    next_at = schedules.get_schedule(connection, "hourly").next_at
    assert next_at == hour_before(-3)  # of what lies after the two hours


def test_a_rule_of_the_zone_that_changed_fires_nothing_the_calendar_has_not(
    connection: Conn,
) -> None:
    """The stored due time was made by the old rule: it is only a hint when to look."""
    a_schedule(connection)
    connection.execute("update ops_schedules set next_at = now() - interval '1 second'")
    assert fire(connection) == []
    assert schedules.get_schedule(connection, "hourly").next_at == hour_before(-1)


# Missed for three hours

EVERY_MINUTE = "* * * * *"


def late(connection: Conn, policy: str, cron: str = "0 * * * *", **fields: Any) -> list[datetime]:
    """Let a schedule miss three hours; return what is fired then."""
    a_schedule(connection, cron=cron, missed_policy=MissedPolicy(policy), **fields)
    make_late(connection, hours=3)
    return [one.occurrence_at for one in fire(connection)]


def last_missed(connection: Conn) -> datetime | None:
    return schedules.get_schedule(connection, "hourly").last_missed_for


def test_missed_with_last_the_newest_is_fired_however_late(connection: Conn) -> None:
    assert late(connection, "last") == [hour_before(0)]
    assert last_missed(connection) == hour_before(1)


def test_missed_with_all_every_one_is_fired_in_order(connection: Conn) -> None:
    assert late(connection, "all") == [hour_before(2), hour_before(1), hour_before(0)]
    assert last_missed(connection) is None


def test_missed_with_all_no_more_than_the_most_are_fired_and_those_are_the_newest(
    connection: Conn,
) -> None:
    assert late(connection, "all", catch_up_most=2) == [hour_before(1), hour_before(0)]
    assert last_missed(connection) == hour_before(2)


def test_missed_with_skip_only_one_that_is_not_late_is_fired(connection: Conn) -> None:
    (fired,) = late(connection, "skip", EVERY_MINUTE)
    assert datetime.now(UTC) - fired < timedelta(minutes=2)
    assert last_missed(connection) == fired - timedelta(minutes=1)


def test_missed_with_skip_what_is_late_is_never_fired(connection: Conn) -> None:
    minute = (datetime.now(UTC).minute + 30) % 60  # of each hour, and of none that is near
    assert late(connection, "skip", f"{minute} * * * *") == []
    missed = last_missed(connection)
    assert missed is not None
    assert timedelta(minutes=28) < datetime.now(UTC) - missed < timedelta(minutes=32)
    next_at = schedules.get_schedule(connection, "hourly").next_at
    assert next_at == missed + timedelta(hours=1)


@pytest.mark.parametrize("policy", list(MissedPolicy))
def test_missed_for_a_year_it_is_caught_up_at_once(connection: Conn, policy: MissedPolicy) -> None:
    a_schedule(connection, cron=EVERY_MINUTE, missed_policy=policy, catch_up_most=100)
    make_late(connection, days=365)
    assert len(fire(connection)) == (100 if policy is MissedPolicy.ALL else 1)
    due_in = schedules.next_due_in(connection)
    assert due_in is not None
    assert due_in > 0


# Paused, changed, deleted


def test_a_paused_schedule_does_not_fire_and_its_pause_is_not_made_up_for(
    connection: Conn,
) -> None:
    a_due_schedule(connection, missed_policy=MissedPolicy.ALL)
    schedules.pause_schedule(connection, "hourly", by="user:ada", reason="disk is full")
    assert fire(connection) == []
    assert schedules.next_due_in(connection) is None
    resumed = schedules.resume_schedule(connection, "hourly")
    assert (resumed.paused_at, resumed.paused_by, resumed.pause_reason) == (None, None, None)
    assert resumed.next_at == hour_before(-1)
    assert fire(connection) == []


def test_the_second_pause_and_the_second_resume_change_nothing(connection: Conn) -> None:
    a_schedule(connection)
    first = schedules.pause_schedule(connection, "hourly", by="a", reason="x")
    assert schedules.pause_schedule(connection, "hourly", by="b", reason="y") == first
    resumed = schedules.resume_schedule(connection, "hourly")
    make_late(connection, hours=1)
    again = schedules.resume_schedule(connection, "hourly")
    assert again.caught_up_to < resumed.caught_up_to
    assert len(fire(connection)) == 1


def test_another_expression_starts_anew(connection: Conn) -> None:
    a_due_schedule(connection)
    changed = schedules.change_schedule(connection, "hourly", cron="30  12 * * *")
    assert changed.cron == "30 12 * * *"
    assert fire(connection) == []


def test_other_changes_keep_what_is_due(connection: Conn) -> None:
    a_due_schedule(connection)
    schedules.change_schedule(connection, "hourly", payload={"n": 2}, time_zone="UTC")
    (fired,) = fire(connection)
    assert jobs.get_job(connection, fired.job_id).payload == {"n": 2}


def test_a_change_of_a_paused_schedule_leaves_it_paused(connection: Conn) -> None:
    a_schedule(connection)
    schedules.pause_schedule(connection, "hourly", by="a")
    assert schedules.change_schedule(connection, "hourly", cron="5 * * * *").next_at is None


def in_background(database_url: str, act: Any) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []

    def run() -> None:
        with connect(database_url, autocommit=True, application_name="background") as conn:
            answers.append(act(conn))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, answers


def test_deleted_while_it_fires_its_job_stays(
    connection: Conn, observer: Conn, other: Conn, database_url: str
) -> None:
    a_due_schedule(connection)
    (fired,) = schedules.fire_next(other, actor=ACTOR) or []
    thread, answers = in_background(
        database_url, lambda conn: schedules.delete_schedule(conn, "hourly")
    )
    waiting = (
        "select count(*) from pg_stat_activity"
        " where application_name = 'background' and wait_event_type = 'Lock'"
    )
    wait_until(
        lambda: (observer.execute(waiting).fetchone() or (0,))[0] == 1,
        message="the delete waits for the fire",
    )
    other.commit()
    thread.join(10)
    assert [schedule.name for schedule in answers] == ["hourly"]
    assert jobs.get_job(connection, fired.job_id).status == "queued"
    assert fires(connection) == []
    connection.execute("delete from ops_jobs")  # whose record of the fire is gone


def test_fired_while_it_is_deleted_it_makes_no_job(connection: Conn, other: Conn) -> None:
    a_due_schedule(connection)
    schedules.delete_schedule(other, "hourly")
    assert fire(connection) == []
    other.commit()
    assert fire(connection) == []
    with pytest.raises(schedules.ScheduleNotFound):
        schedules.get_schedule(connection, "hourly")


def test_a_name_is_taken_once(connection: Conn) -> None:
    a_schedule(connection)
    with pytest.raises(schedules.ScheduleExists):
        a_schedule(connection)


# Deaths


class DyingCursor(psycopg.Cursor[Any]):
    """Sends statements; when `left` of them were sent, the backend is killed."""

    left = 0
    killer: Conn

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().execute(*args, **kwargs)
        DyingCursor.left -= 1
        if DyingCursor.left == 0:
            pid = self.connection.info.backend_pid
            DyingCursor.killer.execute("select pg_terminate_backend(%s, 5000)", [pid])
        return answer


STATEMENTS = ("taken", "looked for", "enqueued", "settled")


@pytest.mark.unpooled("it ends one client's own connection")
@pytest.mark.parametrize("killed_after", range(1, 5), ids=STATEMENTS)
def test_a_firer_that_dies_between_two_statements_leaves_it_due(
    connection: Conn, database_url: str, killed_after: int
) -> None:
    a_due_schedule(connection)
    DyingCursor.left, DyingCursor.killer = killed_after, connection
    with connect(database_url, autocommit=True) as conn:
        conn.cursor_factory = DyingCursor
        with pytest.raises(psycopg.OperationalError):
            fire(conn)
    assert DyingCursor.left <= 0
    assert job_ids(connection) == []
    assert len(fire(connection)) == 1


def test_a_fire_is_as_many_statements_as_the_deaths_above_are_between(
    connection: Conn, database_url: str
) -> None:
    a_due_schedule(connection)
    DyingCursor.left = 0
    with connect(database_url, autocommit=True) as conn:
        conn.cursor_factory = DyingCursor
        schedules.fire_next(conn, actor=ACTOR)
    assert -DyingCursor.left == len(STATEMENTS)


# Rows that were written by hand


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("cron = '0 0 30 2 *'", "it never fires"),
        ("time_zone = 'Middle/Earth'", "expected the IANA name"),
        ("payload = '{\"n\": 1e5000}'", "its payload is not readable"),
    ],
)
def test_one_that_cannot_be_fired_is_paused_and_the_others_fire(
    connection: Conn, change: str, reason: str
) -> None:
    a_due_schedule(connection, "broken")
    a_due_schedule(connection, "whole")
    connection.execute(
        f"update ops_schedules set {change}, next_at = next_at - interval '1 minute'"
        " where name = 'broken'"
    )
    assert [one.schedule for one in fire(connection)] == ["whole"]
    broken = schedules.get_schedule(connection, "broken")
    assert broken.paused_by == ACTOR
    assert broken.pause_reason is not None
    assert broken.pause_reason.startswith(f"cannot be fired: {reason}")
    kept = connection.execute("select payload::text from ops_schedules where name = 'broken'")
    assert kept.fetchone() != ('{"undecodable": true}',)


# Who owns the transaction


def test_within_a_transaction_of_the_caller_nothing_is_committed(
    connection: Conn, engine: Engine
) -> None:
    a_due_schedule(connection)
    with engine.connect() as conn:
        assert len(schedules.fire_due(conn, actor=ACTOR)) == 1
        assert job_ids(connection) == []
        conn.rollback()
    assert fires(connection) == []


def test_on_an_engine_in_autocommit_each_schedule_is_a_transaction(
    connection: Conn, engine: Engine
) -> None:
    for name in ("a", "b"):
        a_due_schedule(connection, name)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        assert schedules.fire_next(conn, actor=ACTOR) is not None
        assert len(fires(connection)) == 1
        assert schedules.fire_next(conn, actor=ACTOR) is not None
    assert len(fires(connection)) == 2
