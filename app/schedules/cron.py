"""Cron expressions in a time zone: which instants an expression means.

cronsim reads the expression and walks the calendar on the wall clock. What happens where the wall
clock is set is decided here, as Debian's cron does it:

* An expression of fixed times (neither its minute nor its hour begins with `*`) happens once for
  each day it names: a time that is skipped happens when the clock is set, a time that comes twice
  happens the first time.
* Any other repeats while time passes: what is skipped does not happen, what comes twice happens
  twice.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MAX_LENGTH = 100
_FIELDS = 5
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_CHARACTERS = re.compile(r"[0-9A-Za-z*,/#\t -]+", re.ASCII)
_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
# No clock is set by more than a day.
_NEAR = timedelta(days=2)
FAR = timedelta(days=6)


class CronError(ValueError):
    """An expression or a time zone cannot be used; the message says why and repeats neither."""


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression in a zone, both known to be good: made by `read_cron`."""

    text: str
    zone: ZoneInfo

    @property
    def description(self) -> str:
        """The expression in English, without its zone."""
        return CronSim(self.text, _SOME_DAY).explain()

    def after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence after `moment`, in UTC; None where none comes in 50 years.

        Between two settings of the clock the wall clock runs evenly, so the calendar is asked for
        the next wall-clock time. Where the clock is set before that, the search goes on from there.
        """
        start = moment.astimezone(UTC)
        offset = self._offset(start)
        wall = _naive(start + offset)
        while True:
            found = next(CronSim(self.text, wall), None)
            if found is None:
                return None
            if found - wall > FAR and self._clock_set(start, start + _NEAR) is None:
                # No wall-clock time between is meant, so how the clock is set there is no matter.
                start = (found - _NEAR - offset).replace(tzinfo=UTC)
                offset = self._offset(start)
                wall = _naive(start + offset)
                continue
            instant = (found - offset).replace(tzinfo=UTC)
            set_at = self._clock_set(start, instant)
            if set_at is None:
                if not (self._is_fixed and self._is_second_time(instant)):
                    return instant
                wall = found
                continue
            before, offset = _naive(set_at + offset), self._offset(set_at)
            after = _naive(set_at + offset)
            if self._is_fixed and before <= found < after:
                return set_at
            start, wall = set_at, after - _SECOND

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
        """Return up to `count` occurrences after `moment`."""
        return list(islice(self._all_after(moment), count))

    def newest(self, since: datetime, until: datetime, count: int) -> list[datetime]:
        """Return the last `count` occurrences after `since` and not after `until`, in order.

        The time before `until` is searched in growing steps: of a year of minutes only the last few
        hours are walked.
        """
        span = _HOUR
        while True:
            start = max(since, until - span)
            found = deque(self._between(start, until), maxlen=count)
            if len(found) == count or start <= since:
                return list(found)
            span *= 4

    @property
    def _is_fixed(self) -> bool:
        minute, hour = self.text.split()[:2]
        return not (minute.startswith("*") or hour.startswith("*"))

    def _all_after(self, moment: datetime) -> Iterator[datetime]:
        found = self.after(moment)
        while found is not None:
            yield found
            found = self.after(found)

    def _between(self, since: datetime, until: datetime) -> Iterator[datetime]:
        for found in self._all_after(since):
            if found > until:
                return
            yield found

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self.zone).utcoffset() or timedelta()

    def _is_second_time(self, instant: datetime) -> bool:
        return instant.astimezone(self.zone).fold == 1

    def _clock_set(self, start: datetime, end: datetime) -> datetime | None:
        """Return when the clock is set first after `start` and not after `end`.

        No zone sets its clock forth and back within a day.
        """
        offset = self._offset(start)
        while start < end:
            stop = min(start + _DAY, end)
            if self._offset(stop) == offset:
                start = stop
                continue
            while stop - start > _SECOND:
                middle = start + (stop - start) / 2
                if self._offset(middle) == offset:
                    start = middle
                else:
                    stop = middle
            return stop.replace(microsecond=0)
        return None


def read_cron(text: str, time_zone: str) -> Cron:
    """Return the expression in the zone. Raises CronError."""
    return Cron(read_expression(text), read_time_zone(time_zone))


def read_expression(text: str) -> str:
    """Return the expression with single spaces. Raises CronError, also for one that never fires."""
    if len(text) > MAX_LENGTH:
        raise CronError(f"at most {MAX_LENGTH} characters")
    parts = text.split()
    if len(parts) != _FIELDS or not _CHARACTERS.fullmatch(text):
        raise CronError("expected five fields: minute, hour, day of month, month, day of week")
    expression = " ".join(parts)
    try:
        first = next(CronSim(expression, _SOME_DAY), None)
    except CronSimError as error:
        raise CronError(_reason(error, parts)) from None
    if first is None:
        raise CronError(_NEVER)
    return expression


def read_time_zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name. Raises CronError."""
    if name not in _zone_names():
        raise CronError("expected the IANA name of a time zone, such as Europe/Berlin or UTC")
    return ZoneInfo(name)


_NEVER = "it never fires: no such day comes within 50 years"


def _reason(error: CronSimError, parts: list[str]) -> str:
    """Say what is wrong in our words; a day beyond the end of its months is told apart."""
    message = str(error)
    if message != "Bad day-of-month":
        return f"the {message.removeprefix('Bad ').replace('-', ' ')} is not understood"
    anyday = [parts[0], parts[1], parts[2], "*", "*"]
    try:
        CronSim(" ".join(anyday), _SOME_DAY)
    except CronSimError:
        return "the day of month is not understood"
    return _NEVER


@cache
def _zone_names() -> frozenset[str]:
    """Return the names that the database of time zones has, whatever lies on this machine."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
