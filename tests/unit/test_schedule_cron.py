"""Which instants a cron expression means, held against a calendar that is counted minute by minute.

The counting knows nothing of cronsim: it asks zoneinfo for the wall clock at every minute around
each setting of the clock, around 29 February and around the end of the year.
"""

from __future__ import annotations

import calendar
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schedules.cron import MAX_LENGTH, CronError, read_cron, read_expression, read_time_zone

MINUTE = timedelta(minutes=1)
# Half an hour, two hours, at midnight, in the fasting month, off the hour, and not at all.
ZONES = (
    "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Havana", "America/Santiago",
    "Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Chatham",
    "Antarctica/Troll", "Asia/Kathmandu", "UTC",
)  # fmt: skip
TURNS = [datetime(*day, tzinfo=UTC) for day in ((2028, 2, 28), (2027, 12, 31), (2100, 2, 27))]


@dataclass(frozen=True)
class Window:
    """Every minute of some days: the instant, the wall clock, and whether it shows it again."""

    minutes: tuple[tuple[datetime, datetime, bool], ...]
    skipped: tuple[tuple[datetime, datetime], ...]  # when the clock is set, what it then skips


@cache
def windows(zone: str) -> tuple[Window, ...]:
    tz = ZoneInfo(zone)
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(2 * 365 * 24)]
    changes = [
        b
        for a, b in pairwise(hours)
        if a.astimezone(tz).utcoffset() != b.astimezone(tz).utcoffset()
    ]
    assert len(changes) == (0 if zone in ("Asia/Kathmandu", "UTC") else 4)
    return tuple(_window(tz, around) for around in (*changes, *TURNS))


def _window(tz: ZoneInfo, around: datetime) -> Window:
    start = around - timedelta(days=2)
    minutes, skipped = [], []
    previous = (start - MINUTE).astimezone(tz).replace(tzinfo=None)
    for n in range(4 * 24 * 60):
        instant = start + n * MINUTE
        local = instant.astimezone(tz)
        wall = local.replace(tzinfo=None, fold=0)
        minutes.append((instant, wall, local.fold == 1))
        missing = previous + MINUTE
        while missing < wall:
            skipped.append((instant, missing))
            missing += MINUTE
        previous = wall
    return Window(tuple(minutes), tuple(skipped))


@dataclass(frozen=True)
class Expression:
    """An expression as text and as the sets that the text means."""

    minute: tuple[str, frozenset[int]]
    hour: tuple[str, frozenset[int]]
    day: tuple[str, frozenset[int]]
    month: tuple[str, frozenset[int]]
    weekday: tuple[str, frozenset[int]]

    @property
    def text(self) -> str:
        return " ".join(
            part[0] for part in (self.minute, self.hour, self.day, self.month, self.weekday)
        )

    @property
    def is_fixed(self) -> bool:
        return not (self.minute[0].startswith("*") or self.hour[0].startswith("*"))

    def names(self, wall: datetime) -> bool:
        day = wall.day in self.day[1]
        weekday = wall.isoweekday() % 7 in self.weekday[1]
        is_both = self.day[0].startswith("*") or self.weekday[0].startswith("*")
        return (
            wall.minute in self.minute[1]
            and wall.hour in self.hour[1]
            and wall.month in self.month[1]
            and (day and weekday if is_both else day or weekday)
        )

    def occurrences(self, window: Window) -> list[datetime]:
        found = {
            instant
            for instant, wall, is_again in window.minutes
            if self.names(wall) and not (self.is_fixed and is_again)
        }
        if self.is_fixed:
            found |= {set_at for set_at, wall in window.skipped if self.names(wall)}
        return sorted(found)


def field(low: int, high: int, *, few: int = 4) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    every = frozenset(range(low, high + 1))
    numbers = st.frozensets(st.integers(low, high), min_size=1, max_size=few)
    ranges = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    steps = st.integers(1, high)
    return st.one_of(
        st.just(("*", every)),
        numbers.map(lambda chosen: (",".join(map(str, sorted(chosen))), chosen)),
        ranges.map(lambda r: (f"{r[0]}-{r[1]}", frozenset(range(r[0], r[1] + 1)))),
        steps.map(lambda step: (f"*/{step}", frozenset(sorted(every)[::step]))),
    )


EXPRESSIONS = st.builds(
    Expression,
    minute=field(0, 59),
    hour=field(0, 23),
    day=st.one_of(st.just(("*", frozenset(range(1, 32)))), field(1, 31, few=12)),
    month=st.just(("*", frozenset(range(1, 13)))),
    weekday=st.one_of(st.just(("*", frozenset(range(7)))), field(0, 6)),
)


@settings(max_examples=400, deadline=None)
@given(
    expression=EXPRESSIONS,
    zone=st.sampled_from(ZONES),
    window=st.integers(0, 6),
    begin=st.integers(0, 4 * 24 * 60 - 1),
)
def test_the_occurrences_are_those_of_the_counted_calendar(
    expression: Expression, zone: str, window: int, begin: int
) -> None:
    chosen = windows(zone)[window % len(windows(zone))]
    expected = expression.occurrences(chosen)
    cron = read_cron(expression.text, zone)
    first, last = chosen.minutes[0][0], chosen.minutes[-1][0]
    shown = 60  # of a minutely expression not every one
    found = [at for at in cron.upcoming(first - MINUTE, shown) if at <= last]
    assert found == expected[:shown]
    # The same from any moment on: a schedule has no memory of where it started.
    moment = chosen.minutes[begin][0]
    rest = expected[bisect_right(expected, moment) :]
    assert [at for at in cron.upcoming(moment, 5) if at <= last] == rest[:5]
    assert cron.newest(first - MINUTE, moment, 7) == expected[: bisect_right(expected, moment)][-7:]


SPARSE = st.builds(
    Expression,
    minute=field(0, 59),
    hour=field(0, 5),
    day=field(1, 31, few=2),
    month=field(1, 12, few=2),
    weekday=st.just(("*", frozenset(range(7)))),
)


@settings(max_examples=300, deadline=None)
@given(
    expression=SPARSE,
    zone=st.sampled_from(ZONES),
    minutes=st.integers(0, 2 * 365 * 24 * 60),
)
def test_a_leap_over_time_in_which_nothing_is_meant_lands_where_walking_does(
    expression: Expression, zone: str, minutes: int
) -> None:
    try:
        cron = read_cron(expression.text, zone)
    except CronError:
        return
    moment = datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE
    leapt = cron.upcoming(moment, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.schedules.cron.FAR", timedelta(days=100_000))
        assert cron.upcoming(moment, 8) == leapt


@pytest.mark.parametrize(
    ("text", "since", "found"),
    [
        ("30 2 29 3 *", "2025-04-01T00:00+02:00", "2026-03-29T03:00+02:00"),
        ("30 2 25 10 *", "2025-11-01T00:00+01:00", "2026-10-25T02:30+02:00"),
        ("30 2 25 10 *", "2026-10-25T02:30+02:00", "2027-10-25T02:30+02:00"),
        ("*/30 2 25 10 *", "2026-01-01T00:00+01:00", "2026-10-25T02:00+02:00"),
        ("*/30 2 25 10 *", "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00"),
        ("*/30 2 29 3 *", "2026-01-01T00:00+01:00", "2027-03-29T02:00+02:00"),
    ],
)
def test_once_a_year_at_a_setting_of_the_clock(text: str, since: str, found: str) -> None:
    assert local(text, "Europe/Berlin", datetime.fromisoformat(since), 1) == [found]


@pytest.mark.parametrize("zone", ZONES)
def test_a_daily_schedule_fires_once_on_every_day(zone: str) -> None:
    tz = ZoneInfo(zone)
    for text in ("30 2 * * *", "30 0 * * *", "0 0 * * *", "50 23 * * *", "15 1 * * *"):
        found = read_cron(text, zone).upcoming(datetime(2026, 1, 1, 12, tzinfo=UTC), 800)
        days = [at.astimezone(tz).date() for at in found]
        assert days == [days[0] + timedelta(days=n) for n in range(800)]


def local(text: str, zone: str, since: datetime, count: int) -> list[str]:
    found = read_cron(text, zone).upcoming(since, count)
    return [at.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") for at in found]


def test_a_time_that_is_skipped_happens_when_the_clock_is_set() -> None:
    assert local("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC), 3) == [
        "2026-03-28T02:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_a_time_that_comes_twice_happens_the_first_time() -> None:
    assert local("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), 2) == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]


def test_what_repeats_goes_on_while_time_passes() -> None:
    assert local("0,30 * * * *", "Europe/Berlin", datetime(2026, 3, 29, 0, 20, tzinfo=UTC), 3) == [
        "2026-03-29T01:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-29T03:30+02:00",
    ]
    assert local("0 * * * *", "Europe/Berlin", datetime(2026, 10, 24, 23, 50, tzinfo=UTC), 3) == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T03:00+01:00",
    ]


def test_29_february_comes_in_leap_years() -> None:
    found = read_cron("0 0 29 2 *", "UTC").upcoming(datetime(2090, 1, 1, tzinfo=UTC), 3)
    assert [at.year for at in found] == [2092, 2096, 2104]
    assert all(calendar.isleap(at.year) for at in found)


def test_the_last_day_of_the_year_and_the_first_follow_each_other() -> None:
    found = read_cron("59 23 31 12 *", "Asia/Kathmandu").upcoming(
        datetime(2026, 1, 1, tzinfo=UTC), 2
    )
    assert [at.isoformat() for at in found] == [
        "2026-12-31T18:14:00+00:00",
        "2027-12-31T18:14:00+00:00",
    ]


def test_of_a_year_of_minutes_the_newest_are_found_without_counting_them_all() -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)
    found = read_cron("* * * * *", "UTC").newest(until - timedelta(days=365), until, 101)
    assert (len(found), found[-1]) == (101, until)


# What is refused

NEVER = "it never fires: no such day comes within 50 years"
REFUSED = {
    "30 February": ("0 0 30 2 *", NEVER),
    "31 of short months": ("0 0 31 4,6,9,11 *", NEVER),
    "a last weekday on Sundays": ("0 0 LW * */7", NEVER),
    "six fields": ("0 0 0 1 1 *", "expected five fields"),
    "four fields": ("0 0 1 1", "expected five fields"),
    "nothing": ("", "expected five fields"),
    "white space": ("     ", "expected five fields"),
    "a nickname": ("@daily", "expected five fields"),
    "minute 60": ("60 * * * *", "the minute is not understood"),
    "hour 24": ("0 24 * * *", "the hour is not understood"),
    "day 0": ("0 0 0 * *", "the day of month is not understood"),
    "day 32": ("0 0 32 * *", "the day of month is not understood"),
    "month 13": ("0 0 1 13 *", "the month is not understood"),
    "weekday 8": ("0 0 * * 8", "the day of week is not understood"),
    "a step of 0": ("*/0 * * * *", "the minute is not understood"),
    "a range backwards": ("30-10 * * * *", "the minute is not understood"),
    "commas": (f"{',' * 50} * * * *", "the minute is not understood"),
    "a huge number": (f"{'9' * 80} * * * *", "the minute is not understood"),
    "another script": ("٣ * * * *", "expected five fields"),
    "a line break": ("0 0\n1 1 *", "expected five fields"),
    "a no-break space": ("0\xa00 1 1 *", "expected five fields"),
    "too long": ("0," * 60 + "0 * * * *", f"at most {MAX_LENGTH} characters"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_expression_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(CronError) as refused:
        read_expression(text)
    assert str(refused.value).startswith(reason)
    assert text.strip() == "" or text not in str(refused.value)


def test_white_space_is_made_single() -> None:
    assert read_expression(" 0\t 3  * * 1 ") == "0 3 * * 1"


@settings(max_examples=500, deadline=2_000)
@given(st.text(alphabet="0123456789*,-/#LWMONFEB ", max_size=40))
def test_any_text_is_read_or_refused_and_what_is_read_has_a_description(text: str) -> None:
    try:
        cron = read_cron(text, "UTC")
    except CronError:
        return
    assert cron.description
    assert cron.after(datetime(2026, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize(
    "name",
    ["", "Berlin", "europe/berlin", "Europe/Berlin ", "+02:00", "localtime", "../etc/passwd",
     "/etc/localtime", "Europe", "right/UTC", "posix/UTC", "Europe/Berlin\0"],
)  # fmt: skip
def test_a_time_zone_is_an_iana_name(name: str) -> None:
    with pytest.raises(CronError, match="expected the IANA name"):
        read_time_zone(name)
