"""Every variable and flag of the product, declared once.

Validation, `.env.example`, `ops config show` and the settings page of the docs are made from this
declaration; a variable that is not here does not exist.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.setting import Process, Setting, flag, secret, setting
from config.values import (
    MOST_RUNNERS,
    are_http_urls,
    are_job_types,
    are_modules,
    is_environment,
    is_header_text,
    is_http_url,
    is_log_level,
    is_not_negative,
    is_port,
    is_positive,
    is_postgres,
    is_wake_budget,
    split_addresses,
)

DEFAULT_ALLOWLIST = ("nearsight_collect_refresh", "captorator_compose", "metrics_refresh")

_EVERYWHERE: tuple[Process, ...] = ("control_plane", "runner", "database")


@dataclass(frozen=True)
class Settings:
    """The settings of one process, checked. Secrets are left out of its `repr`."""

    app_env: str = setting(
        "", "Which environment of settings.toml is in force; dev, test, prod are accepted.",
        group="everywhere", expected="development, testing or production", example="production",
        accepts=is_environment, needed_by=_EVERYWHERE,
    )  # fmt: skip
    database_url: str = setting(
        "", "The PostgreSQL database (14 or newer); the pooled address where there is one.",
        group="everywhere", expected="a postgresql:// address", secret=True,
        example="postgresql://ops:PASSWORD@db.example.com/ops",
        accepts=is_postgres, needed_by=_EVERYWHERE,
    )  # fmt: skip
    database_url_direct: str = setting(
        "", "The unpooled address, for migrations and the runner; DATABASE_URL where empty.",
        group="everywhere", expected="a postgresql:// address", secret=True,
        example="postgresql://ops:PASSWORD@db-direct.example.com/ops", accepts=is_postgres,
    )  # fmt: skip
    secret_key: str = secret(
        "Signs cursors and sessions.", group="everywhere", example="32-or-more-random-characters",
        needed_by=("control_plane", "runner"), production_length=32,
    )  # fmt: skip
    log_level: str = setting(
        "INFO", "The least severe log line that is written.", group="everywhere",
        expected="DEBUG, INFO, WARNING or ERROR", example="INFO", accepts=is_log_level,
    )  # fmt: skip
    database_pool_size: int = setting(
        5, "Connections the control plane keeps open; 0 opens one for each request.",
        group="everywhere", expected="0 or more", example="5", accepts=is_not_negative,
    )  # fmt: skip
    database_prepare: bool = setting(
        True, "Prepared statements; switch off behind a pooler in transaction mode.",
        group="everywhere", expected="true or false", example="false",
    )  # fmt: skip
    database_timeout_seconds: float = setting(
        8.0, "Wall-clock bound of one database call; then its connection is closed.",
        group="everywhere", unit="seconds", expected="more than 0", example="8",
        accepts=is_positive,
    )  # fmt: skip

    nearsight_enabled: bool = flag("News collector: its tables, job type and routes.")
    captorator_enabled: bool = flag("Caption composer: its tables, job type and routes.")
    feature_metrics: bool = flag("Social metrics: their tables, job type and routes.")
    notion_enabled: bool = flag("Notion sync: its tables, job type and routes.")
    jobs_enabled: bool = flag("Recurring jobs: schedules and what the cron fires.")
    runner_enabled: bool = flag("The wake client: trigger_runner and wake-ups.")

    ops_api_key: str = secret(
        "The key that callers send as X-Ops-Key.", group="control plane",
        example="32-or-more-random-characters",
        needed_in_production_by=("control_plane",), production_length=16,
    )  # fmt: skip
    ops_api_key_previous: str = secret(
        "A second valid X-Ops-Key, while keys are rotated.", group="control plane",
        example="the-key-before", production_length=16,
    )  # fmt: skip
    runner_url: str = setting(
        "", "Where the runner's listener is reached, or several; never shown or logged.",
        group="control plane", secret=True, accepts=are_http_urls,
        expected=f"up to {MOST_RUNNERS} http:// or https:// addresses without user name, by commas",
        example="https://runner.example.com",
    )  # fmt: skip
    runner_token_outbound: str = secret(
        "The token that the control plane sends to the runner.", group="control plane",
        example="32-or-more-random-characters", production_length=16,
    )  # fmt: skip
    cron_secret: str = secret(
        "The bearer token of the cron endpoint, which is closed without it.",
        group="control plane", example="32-or-more-random-characters", production_length=32,
    )  # fmt: skip
    wake_timeout_seconds: float = setting(
        2.0, "Budget of one wake-up, connecting included.", group="control plane",
        unit="seconds", expected="more than 0, at most 10", example="2", accepts=is_wake_budget,
    )  # fmt: skip

    runner_token: str = secret(
        "The token that the runner's listener accepts as X-Runner-Token.", group="runner",
        example="32-or-more-random-characters", needed_by=("runner",), production_length=16,
    )  # fmt: skip
    runner_token_previous: str = secret(
        "A second valid X-Runner-Token, while tokens are rotated.", group="runner",
        example="the-token-before", production_length=16,
    )  # fmt: skip
    runner_allowlist: tuple[str, ...] = setting(
        DEFAULT_ALLOWLIST, "The job types that this runner may run.", group="runner",
        expected="job types separated by commas", example=",".join(DEFAULT_ALLOWLIST),
        accepts=are_job_types,
    )  # fmt: skip
    runner_handlers: tuple[str, ...] = setting(
        (), "Modules of your own that register handlers.", group="runner",
        expected="module names separated by commas", example="acme.handlers", accepts=are_modules,
    )  # fmt: skip
    runner_name: str = setting(
        "", "The name of this runner in lists and logs; the host's name where empty.",
        group="runner", expected="printable characters without spaces", example="runner-a",
        accepts=is_header_text,
    )  # fmt: skip
    runner_host: str = setting(
        "127.0.0.1", "The address the listener binds; keep it on loopback behind a TLS proxy.",
        group="runner", expected="an address", example="127.0.0.1", accepts=is_header_text,
    )  # fmt: skip
    runner_port: int = setting(
        8010, "The port of the listener; 0 takes a free one.", group="runner",
        expected="0 to 65535", example="8010", accepts=is_port,
    )  # fmt: skip
    runner_slots: int = setting(
        4, "Process slots: how many jobs run at once that can be killed.", group="runner",
        expected="more than 0", example="4", accepts=is_positive,
    )  # fmt: skip
    runner_thread_slots: int = setting(
        8, "Thread slots: how many jobs run at once whose handlers ask for a thread.",
        group="runner", expected="more than 0", example="8", accepts=is_positive,
    )  # fmt: skip
    runner_async_slots: int = setting(
        100, "Async slots: how many jobs run at once whose handlers are coroutines in a thread.",
        group="runner", expected="more than 0", example="100", accepts=is_positive,
    )  # fmt: skip
    runner_look_seconds: float = setting(
        300.0, "Longest time between two looks at the database by an idle runner.",
        group="runner", unit="seconds", expected="more than 0", example="300",
        accepts=is_positive,
    )  # fmt: skip
    runner_lease_seconds: float = setting(
        60.0, "How long a claim lasts without a sign of life from its runner.", group="runner",
        unit="seconds", expected="more than 0", example="60", accepts=is_positive,
    )  # fmt: skip
    runner_heartbeat_seconds: float = setting(
        15.0, "Time between two signs of life while jobs are held.", group="runner",
        unit="seconds", expected="at most a third of the lease", example="15",
        accepts=is_positive,
    )  # fmt: skip
    runner_drain_seconds: float = setting(
        30.0, "How long a draining runner lets handlers finish before it gives jobs back.",
        group="runner", unit="seconds", expected="0 or more", example="30",
        accepts=is_not_negative,
    )  # fmt: skip
    runner_kill_grace_seconds: float = setting(
        5.0, "Time between SIGTERM and SIGKILL for a handler that must stop.", group="runner",
        unit="seconds", expected="0 or more", example="5", accepts=is_not_negative,
    )  # fmt: skip
    runner_recycle_jobs: int = setting(
        5_000, "A process slot is replaced after this many jobs.", group="runner", unit="jobs",
        expected="more than 0", example="5000", accepts=is_positive,
    )  # fmt: skip
    runner_memory_bytes: int = setting(
        0, "Memory that a run may add to its process slot where its handler says nothing; 0: any.",
        group="runner", unit="bytes", expected="0 or more", example="500000000",
        accepts=is_not_negative,
    )  # fmt: skip
    runner_rescue_budget: int = setting(
        3, "A job whose runner died this often under it is failed.", group="runner",
        unit="rescues", expected="0 or more", example="3", accepts=is_not_negative,
    )  # fmt: skip
    job_timeout_seconds: int = setting(
        300, "Timeout of a job where neither it nor its handler names one.", group="runner",
        unit="seconds", expected="more than 0", example="300", accepts=is_positive,
    )  # fmt: skip
    reject_unserved_after_seconds: int = setting(
        86_400, "A job whose type no runner allows is failed after this time.", group="runner",
        unit="seconds", expected="more than 0", example="86400", accepts=is_positive,
    )  # fmt: skip

    retention_seconds: int = setting(
        2_592_000, "Finished jobs and their events are deleted after this time; 0 keeps them.",
        group="runner", unit="seconds", expected="0 or more", example="2592000",
        accepts=is_not_negative,
    )  # fmt: skip
    retention_first_pass_seconds: float = setting(
        600.0, "About how long after its start a runner first deletes what is past its retention.",
        group="runner", unit="seconds", expected="0 or more", example="600",
        accepts=is_not_negative,
    )  # fmt: skip

    fetch_private_hosts: bool = setting(
        False, "Let handlers fetch from loopback and private addresses.", group="handlers",
        expected="true or false", example="false", for_handlers=True,
    )  # fmt: skip
    fetch_timeout_seconds: float = setting(
        10.0, "Longest time a handler waits for one source.", group="handlers", unit="seconds",
        expected="more than 0", example="10", accepts=is_positive, for_handlers=True,
    )  # fmt: skip
    fetch_max_bytes: int = setting(
        5_000_000, "Most bytes a handler reads from one source.", group="handlers", unit="bytes",
        expected="more than 0", example="5000000", accepts=is_positive, for_handlers=True,
    )  # fmt: skip

    ops_url: str = setting(
        "http://127.0.0.1:8000", "The control plane that the ops command talks to.", group="cli",
        expected="an http:// or https:// address without user name",
        example="https://ops.example.com", accepts=is_http_url,
    )  # fmt: skip
    postgres_bin: str = setting(
        "", "Folder of initdb and postgres, for `ops up` without DATABASE_URL.", group="cli",
        expected="a folder", example="/usr/lib/postgresql/16/bin",
    )  # fmt: skip

    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where each setting comes from: environment, settings.toml or default."""

    @property
    def is_production(self) -> bool:
        return self.app_env == "production"

    @property
    def runner_urls(self) -> tuple[str, ...]:
        """The addresses of the runners' listeners."""
        return split_addresses(self.runner_url)

    @property
    def features(self) -> frozenset[str]:
        """The enabled features that own tables; each is the name of a migration branch."""
        enabled = {
            "nearsight": self.nearsight_enabled,
            "captorator": self.captorator_enabled,
            "metrics": self.feature_metrics,
            "schedules": self.jobs_enabled,
        }
        return frozenset(name for name, is_enabled in enabled.items() if is_enabled)

    @property
    def handler_settings(self) -> dict[str, Any]:
        """The values a handler may read; never a secret."""
        return {s.name: getattr(self, s.name) for s in SETTINGS if s.for_handlers}


def _declared() -> tuple[Setting, ...]:
    hints = typing.get_type_hints(Settings)
    return tuple(
        Setting(
            name=f.name,
            type="list" if f.name in _LISTS else hints[f.name].__name__,
            default=f.default,
            **f.metadata,
        )
        for f in dataclasses.fields(Settings)
        if f.metadata
    )


_LISTS = {"runner_allowlist", "runner_handlers"}
SETTINGS: tuple[Setting, ...] = _declared()
