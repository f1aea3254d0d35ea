"""What can go wrong with a schedule, besides a CronError.

ScheduleError
|- ScheduleNotFound     no such schedule
`- ScheduleExists       the name is taken
"""

from __future__ import annotations


class ScheduleError(Exception):
    """Base of all errors about schedules."""


class ScheduleNotFound(ScheduleError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no schedule {name}")
        self.name = name


class ScheduleExists(ScheduleError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is a schedule {name} already")
        self.name = name
