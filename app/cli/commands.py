"""Every command of `ops`: its section, its one line of help, and where it lives.

Nothing is imported from here: a command's module is loaded when the command is used, so that
`ops --help` costs a few milliseconds.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A command that is loaded on use; `target` is `module:attribute`."""

    target: str
    summary: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Start here": {
        "demo": Entry("app.cli.demo:demo_command", "Watch real jobs run, end to end, then stop."),
        "up": Entry("app.cli.up:up_command", "Start the whole platform here, until Ctrl-C."),
        "init": Entry("app.cli.init:init_command", "Make .env with strong tokens."),
        "doctor": Entry("app.cli.doctor:doctor_command", "Find what is wrong, say how to fix it."),
    },
    "Jobs": {
        "job": Entry("app.cli.jobs:job_group", "Create, list, show, watch and cancel jobs."),
        "trigger": Entry("app.cli.trigger:trigger_command", "Wake the runner, with a job or not."),
        "schedule": Entry("app.cli.schedules:schedule_group", "Make jobs at times."),
        "queue": Entry("app.cli.queues:queue_group", "List, pause and resume queues."),
        "stats": Entry("app.cli.stats:stats_command", "Show what ended, how, and how fast."),
        "types": Entry("app.cli.job_types:types_command", "List the job types, or show one."),
    },
    "Operate": {
        "serve": Entry("app.cli.serve:serve_command", "Run the control plane under gunicorn."),
        "runner": Entry("app.cli.runner:runner_command", "Run the runner."),
        "cron": Entry("app.cli.cron:cron_command", "Fire what is due, for a system cron."),
        "db": Entry("app.cli.database:db_group", "Upgrade or inspect the database schema."),
        "config": Entry("app.cli.configuration:config_group", "Show or check the settings."),
    },
    "Develop": {
        "test": Entry("app.cli.developer:test_command", "Run the tests."),
        "check": Entry("app.cli.developer:check_command", "Lint, types, layers: the fast gate."),
        "fmt": Entry("app.cli.developer:fmt_command", "Format the code."),
        "docs": Entry("app.cli.docs:docs_command", "Write what is made from the code."),
        "bench": Entry("app.cli.bench:bench_command", "Measure against the peers."),
        "lock": Entry("app.cli.developer:lock_command", "Lock the dependencies anew."),
    },
}

JOB_SECTIONS: dict[str, dict[str, Entry]] = {
    "Commands": {
        "create": Entry("app.cli.job_create:create_command", "Create a job, and maybe wait."),
        "list": Entry("app.cli.job_read:list_command", "List jobs, newest first."),
        "show": Entry("app.cli.job_read:show_command", "Show all that is known of a job."),
        "events": Entry("app.cli.job_read:events_command", "Print the history of a job."),
        "why": Entry("app.cli.job_read:why_command", "Say why a job is still waiting."),
        "watch": Entry("app.cli.job_watch:watch_command", "Follow a job until it is final."),
        "cancel": Entry("app.cli.job_cancel:cancel_command", "Cancel a job."),
        "retry": Entry("app.cli.job_again:retry_command", "Give a job one more attempt."),
        "replay": Entry("app.cli.job_again:replay_command", "Make a new job like an old one."),
    },
}

QUEUE_SECTIONS: dict[str, dict[str, Entry]] = {
    "Commands": {
        "list": Entry("app.cli.queue_commands:list_command", "List the queues."),
        "pause": Entry("app.cli.queue_commands:pause_command", "Let no job of a queue start."),
        "resume": Entry("app.cli.queue_commands:resume_command", "Let them start again."),
    },
}

SCHEDULE_SECTIONS: dict[str, dict[str, Entry]] = {
    "Commands": {
        "create": Entry("app.cli.schedule_create:create_command", "Create a schedule."),
        "list": Entry("app.cli.schedule_read:list_command", "List schedules by name."),
        "show": Entry("app.cli.schedule_read:show_command", "Show all that is known of one."),
        "next": Entry("app.cli.schedule_read:next_command", "Show when an expression runs."),
        "run": Entry("app.cli.schedule_actions:run_command", "Make its job now."),
        "pause": Entry("app.cli.schedule_actions:pause_command", "Pause a schedule."),
        "resume": Entry("app.cli.schedule_actions:resume_command", "Resume a schedule."),
        "delete": Entry("app.cli.schedule_actions:delete_command", "Delete a schedule."),
    },
}
