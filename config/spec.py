"""Every variable and flag of the product, declared once.

Validation, `.env.example`, `ops config show` and the settings page of the docs are made from this
declaration; a variable that is not here does not exist.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

Process = Literal["control_plane", "runner", "database", "cli"]
ENVIRONMENTS = ("development", "testing", "production")
MOST_RUNNERS = 10
DEFAULT_ALLOWLIST = ("nearsight_collect_refresh", "captorator_compose", "metrics_refresh")

_FOREVER = float("inf")
_JOB_TYPE = re.compile(r"[a-z][a-z0-9_]{0,99}")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")


def _is_environment(value: object) -> bool:
    return value in ENVIRONMENTS


def _is_postgres(value: object) -> bool:
    return urlsplit(str(value)).scheme in ("postgresql", "postgres")


def _is_log_level(value: object) -> bool:
    return value in ("DEBUG", "INFO", "WARNING", "ERROR")


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < _FOREVER


def _is_not_negative(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < _FOREVER


def _is_port(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= 65535


def _is_wake_budget(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value <= 10


def _is_http_url(value: object) -> bool:
    try:
        parts = urlsplit(str(value))
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        return False


def _are_http_urls(value: object) -> bool:
    urls = split_addresses(str(value))
    return 0 < len(urls) <= MOST_RUNNERS and all(_is_http_url(url) for url in urls)


def split_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of a list that is separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _is_header_text(value: object) -> bool:
    return bool(_HEADER_TEXT.fullmatch(str(value)))


def _are_job_types(value: object) -> bool:
    return isinstance(value, list) and all(_JOB_TYPE.fullmatch(name) for name in value)


def _are_modules(value: object) -> bool:
    return isinstance(value, list) and all(_MODULE.fullmatch(name) for name in value)


@dataclass(frozen=True)
class Setting:
    """What is known of one variable; `expected` and `example` speak to the person who sets it."""

    name: str
    type: str
    default: Any
    help: str
    group: str
    expected: str
    example: str
    unit: str = ""
    secret: bool = False
    flag: bool = False
    needed_by: tuple[Process, ...] = ()
    needed_in_production_by: tuple[Process, ...] = ()
    accepts: Callable[[object], bool] | None = None
    production_length: int = 0
    for_handlers: bool = False

    @property
    def variable(self) -> str:
        """The name in the environment and in settings.toml."""
        return self.name.upper()


def _setting(default: Any, help: str, *, expected: str, example: str, **rest: Any) -> Any:
    metadata = {"help": help, "expected": expected, "example": example, **rest}
    return field(default=default, repr=not rest.get("secret", False), metadata=metadata)


def _flag(help: str) -> Any:
    return _setting(False, help, expected="true or false", example="true", flag=True, group="flags")


def _secret(help: str, *, group: str, example: str, **rest: Any) -> Any:
    return _setting(
        "", help, expected="printable characters without spaces", example=example, secret=True,
        accepts=_is_header_text, group=group, **rest,
    )  # fmt: skip


_EVERYWHERE: tuple[Process, ...] = ("control_plane", "runner", "database")


@dataclass(frozen=True)
class Settings:
    """The settings of one process, checked. Secrets are left out of its `repr`."""

    app_env: str = _setting(
        "", "Which environment of settings.toml is in force; dev, test, prod are accepted.",
        group="everywhere", expected="development, testing or production", example="production",
        accepts=_is_environment, needed_by=_EVERYWHERE,
    )  # fmt: skip
    database_url: str = _setting(
        "", "The PostgreSQL database (14 or newer); the pooled address where there is one.",
        group="everywhere", expected="a postgresql:// address", secret=True,
        example="postgresql://ops:PASSWORD@db.example.com/ops",
        accepts=_is_postgres, needed_by=_EVERYWHERE,
    )  # fmt: skip
    database_url_direct: str = _setting(
        "", "The unpooled address, for migrations and the runner; DATABASE_URL where empty.",
        group="everywhere", expected="a postgresql:// address", secret=True,
        example="postgresql://ops:PASSWORD@db-direct.example.com/ops", accepts=_is_postgres,
    )  # fmt: skip
    secret_key: str = _secret(
        "Signs cursors and sessions.", group="everywhere", example="32-or-more-random-characters",
        needed_by=("control_plane", "runner"), production_length=32,
    )  # fmt: skip
    log_level: str = _setting(
        "INFO", "The least severe log line that is written.", group="everywhere",
        expected="DEBUG, INFO, WARNING or ERROR", example="INFO", accepts=_is_log_level,
    )  # fmt: skip
    database_pool_size: int = _setting(
        5, "Connections the control plane keeps open; 0 opens one for each request.",
        group="everywhere", expected="0 or more", example="5", accepts=_is_not_negative,
    )  # fmt: skip
    database_prepare: bool = _setting(
        True, "Prepared statements; switch off behind a pooler in transaction mode.",
        group="everywhere", expected="true or false", example="false",
    )  # fmt: skip
    database_timeout_seconds: float = _setting(
        8.0, "Wall-clock bound of one database call; then its connection is closed.",
        group="everywhere", unit="seconds", expected="more than 0", example="8",
        accepts=_is_positive,
    )  # fmt: skip

    nearsight_enabled: bool = _flag("News collector: its tables, job type and routes.")
    captorator_enabled: bool = _flag("Caption composer: its tables, job type and routes.")
    feature_metrics: bool = _flag("Social metrics: their tables, job type and routes.")
    notion_enabled: bool = _flag("Notion sync: its tables, job type and routes.")
    jobs_enabled: bool = _flag("Recurring jobs: schedules and what the cron fires.")
    runner_enabled: bool = _flag("The wake client: trigger_runner and wake-ups.")

    ops_api_key: str = _secret(
        "The key that callers send as X-Ops-Key.", group="control plane",
        example="32-or-more-random-characters",
        needed_in_production_by=("control_plane",), production_length=16,
    )  # fmt: skip
    ops_api_key_previous: str = _secret(
        "A second valid X-Ops-Key, while keys are rotated.", group="control plane",
        example="the-key-before", production_length=16,
    )  # fmt: skip
    runner_url: str = _setting(
        "", "Where the runner's listener is reached, or several; never shown or logged.",
        group="control plane", secret=True, accepts=_are_http_urls,
        expected=f"up to {MOST_RUNNERS} http:// or https:// addresses without user name, by commas",
        example="https://runner.example.com",
    )  # fmt: skip
    runner_token_outbound: str = _secret(
        "The token that the control plane sends to the runner.", group="control plane",
        example="32-or-more-random-characters", production_length=16,
    )  # fmt: skip
    cron_secret: str = _secret(
        "The bearer token of the cron endpoint, which is closed without it.",
        group="control plane", example="32-or-more-random-characters", production_length=32,
    )  # fmt: skip
    wake_timeout_seconds: float = _setting(
        2.0, "Budget of one wake-up, connecting included.", group="control plane",
        unit="seconds", expected="more than 0, at most 10", example="2", accepts=_is_wake_budget,
    )  # fmt: skip

    runner_token: str = _secret(
        "The token that the runner's listener accepts as X-Runner-Token.", group="runner",
        example="32-or-more-random-characters", needed_by=("runner",), production_length=16,
    )  # fmt: skip
    runner_token_previous: str = _secret(
        "A second valid X-Runner-Token, while tokens are rotated.", group="runner",
        example="the-token-before", production_length=16,
    )  # fmt: skip
    runner_allowlist: tuple[str, ...] = _setting(
        DEFAULT_ALLOWLIST, "The job types that this runner may run.", group="runner",
        expected="job types separated by commas", example=",".join(DEFAULT_ALLOWLIST),
        accepts=_are_job_types,
    )  # fmt: skip
    runner_handlers: tuple[str, ...] = _setting(
        (), "Modules of your own that register handlers.", group="runner",
        expected="module names separated by commas", example="acme.handlers", accepts=_are_modules,
    )  # fmt: skip
    runner_name: str = _setting(
        "", "The name of this runner in lists and logs; the host's name where empty.",
        group="runner", expected="printable characters without spaces", example="runner-a",
        accepts=_is_header_text,
    )  # fmt: skip
    runner_host: str = _setting(
        "127.0.0.1", "The address the listener binds; keep it on loopback behind a TLS proxy.",
        group="runner", expected="an address", example="127.0.0.1", accepts=_is_header_text,
    )  # fmt: skip
    runner_port: int = _setting(
        8010, "The port of the listener; 0 takes a free one.", group="runner",
        expected="0 to 65535", example="8010", accepts=_is_port,
    )  # fmt: skip
    runner_slots: int = _setting(
        4, "Process slots: how many jobs run at once that can be killed.", group="runner",
        expected="more than 0", example="4", accepts=_is_positive,
    )  # fmt: skip
    runner_thread_slots: int = _setting(
        8, "Thread slots: how many jobs run at once whose handlers ask for a thread.",
        group="runner", expected="more than 0", example="8", accepts=_is_positive,
    )  # fmt: skip
    runner_async_slots: int = _setting(
        100, "Async slots: how many jobs run at once whose handlers are coroutines in a thread.",
        group="runner", expected="more than 0", example="100", accepts=_is_positive,
    )  # fmt: skip
    runner_look_seconds: float = _setting(
        300.0, "Longest time between two looks at the database by an idle runner.",
        group="runner", unit="seconds", expected="more than 0", example="300",
        accepts=_is_positive,
    )  # fmt: skip
    runner_lease_seconds: float = _setting(
        60.0, "How long a claim lasts without a sign of life from its runner.", group="runner",
        unit="seconds", expected="more than 0", example="60", accepts=_is_positive,
    )  # fmt: skip
    runner_heartbeat_seconds: float = _setting(
        15.0, "Time between two signs of life while jobs are held.", group="runner",
        unit="seconds", expected="at most a third of the lease", example="15",
        accepts=_is_positive,
    )  # fmt: skip
    runner_drain_seconds: float = _setting(
        30.0, "How long a draining runner lets handlers finish before it gives jobs back.",
        group="runner", unit="seconds", expected="0 or more", example="30",
        accepts=_is_not_negative,
    )  # fmt: skip
    runner_kill_grace_seconds: float = _setting(
        5.0, "Time between SIGTERM and SIGKILL for a handler that must stop.", group="runner",
        unit="seconds", expected="0 or more", example="5", accepts=_is_not_negative,
    )  # fmt: skip
    runner_recycle_jobs: int = _setting(
        5_000, "A process slot is replaced after this many jobs.", group="runner", unit="jobs",
        expected="more than 0", example="5000", accepts=_is_positive,
    )  # fmt: skip
    runner_memory_bytes: int = _setting(
        0, "Memory that a run may add to its process slot where its handler says nothing; 0: any.",
        group="runner", unit="bytes", expected="0 or more", example="500000000",
        accepts=_is_not_negative,
    )  # fmt: skip
    runner_rescue_budget: int = _setting(
        3, "A job whose runner died this often under it is failed.", group="runner",
        unit="rescues", expected="0 or more", example="3", accepts=_is_not_negative,
    )  # fmt: skip
    job_timeout_seconds: int = _setting(
        300, "Timeout of a job where neither it nor its handler names one.", group="runner",
        unit="seconds", expected="more than 0", example="300", accepts=_is_positive,
    )  # fmt: skip
    reject_unserved_after_seconds: int = _setting(
        86_400, "A job whose type no runner allows is failed after this time.", group="runner",
        unit="seconds", expected="more than 0", example="86400", accepts=_is_positive,
    )  # fmt: skip

    retention_seconds: int = _setting(
        2_592_000, "Finished jobs and their events are deleted after this time; 0 keeps them.",
        group="runner", unit="seconds", expected="0 or more", example="2592000",
        accepts=_is_not_negative,
    )  # fmt: skip
    retention_first_pass_seconds: float = _setting(
        600.0, "About how long after its start a runner first deletes what is past its retention.",
        group="runner", unit="seconds", expected="0 or more", example="600",
        accepts=_is_not_negative,
    )  # fmt: skip

    fetch_private_hosts: bool = _setting(
        False, "Let handlers fetch from loopback and private addresses.", group="handlers",
        expected="true or false", example="false", for_handlers=True,
    )  # fmt: skip
    fetch_timeout_seconds: float = _setting(
        10.0, "Longest time a handler waits for one source.", group="handlers", unit="seconds",
        expected="more than 0", example="10", accepts=_is_positive, for_handlers=True,
    )  # fmt: skip
    fetch_max_bytes: int = _setting(
        5_000_000, "Most bytes a handler reads from one source.", group="handlers", unit="bytes",
        expected="more than 0", example="5000000", accepts=_is_positive, for_handlers=True,
    )  # fmt: skip

    ops_url: str = _setting(
        "http://127.0.0.1:8000", "The control plane that the ops command talks to.", group="cli",
        expected="an http:// or https:// address without user name",
        example="https://ops.example.com", accepts=_is_http_url,
    )  # fmt: skip
    postgres_bin: str = _setting(
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
