"""Schedules: jobs that are made at times. The contents page of their verbs and reads."""

from app.schedules.changes import (
    change_schedule,
    create_schedule,
    delete_schedule,
    pause_schedule,
    resume_schedule,
)
from app.schedules.cron import Cron, CronError, read_cron, read_expression, read_time_zone
from app.schedules.errors import ScheduleError, ScheduleExists, ScheduleNotFound
from app.schedules.firing import fire_due, fire_next, next_due_in, next_due_query
from app.schedules.reads import database_now, get_schedule, list_fires, list_schedules
from app.schedules.schedule import Fire, Fired, MissedPolicy, NewSchedule, Schedule

__all__ = [
    "Cron",
    "CronError",
    "Fire",
    "Fired",
    "MissedPolicy",
    "NewSchedule",
    "Schedule",
    "ScheduleError",
    "ScheduleExists",
    "ScheduleNotFound",
    "change_schedule",
    "create_schedule",
    "database_now",
    "delete_schedule",
    "fire_due",
    "fire_next",
    "get_schedule",
    "list_fires",
    "list_schedules",
    "next_due_in",
    "next_due_query",
    "pause_schedule",
    "read_cron",
    "read_expression",
    "read_time_zone",
    "resume_schedule",
]
