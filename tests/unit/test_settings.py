"""Settings: all errors at once, values verbatim, nothing secret shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dynaconf import ValidationError

from config import SETTINGS, Process, Settings, load_settings

STRONG = "x" * 40
DEVELOPMENT = {
    "APP_ENV": "development",
    "DATABASE_URL": "postgresql://ops:canary-password@localhost/ops",
    "SECRET_KEY": "canary-secret-key",
    "RUNNER_TOKEN": "canary-runner-token",
}
PRODUCTION = {
    **DEVELOPMENT,
    "APP_ENV": "production",
    "SECRET_KEY": STRONG,
    "OPS_API_KEY": STRONG,
    "RUNNER_TOKEN": STRONG,
}


def load(process: Process = "control_plane", **changes: str) -> Settings:
    return load_settings(process, {**DEVELOPMENT, **changes})


@pytest.mark.parametrize(
    ("short", "name"), [("dev", "development"), ("test", "testing"), ("prod", "production")]
)
def test_the_short_names_of_environments_are_accepted(short: str, name: str) -> None:
    assert load_settings("control_plane", {**PRODUCTION, "APP_ENV": short}).app_env == name


def test_every_wrong_setting_is_reported_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        load_settings("control_plane", {"APP_ENV": "prod", "RUNNER_PORT": "many", "LOG_LEVEL": "x"})
    for name in ("DATABASE_URL", "SECRET_KEY", "OPS_API_KEY", "RUNNER_PORT", "LOG_LEVEL"):
        assert name in str(caught.value)
    assert "Example: RUNNER_PORT=8010" in str(caught.value)


@pytest.mark.parametrize("process", ["control_plane", "runner", "database"])
def test_no_process_starts_without_a_database(process: Process) -> None:
    with pytest.raises(ValidationError, match="DATABASE_URL is not set"):
        load(process, DATABASE_URL="")


@pytest.mark.parametrize("url", ["sqlite:///test.db", "mysql://h/d", "postgresql", "file.db"])
def test_only_postgresql_is_a_database(url: str) -> None:
    with pytest.raises(ValueError, match="PostgreSQL is required"):
        load(DATABASE_URL=url)


def test_a_runner_needs_its_token() -> None:
    with pytest.raises(ValidationError, match="RUNNER_TOKEN is not set"):
        load("runner", RUNNER_TOKEN="")


def test_production_needs_a_key_and_strong_secrets() -> None:
    with pytest.raises(ValidationError, match="OPS_API_KEY is not set"):
        load_settings("control_plane", {**PRODUCTION, "OPS_API_KEY": ""})
    with pytest.raises(ValidationError, match=r"SECRET_KEY .* too short"):
        load_settings("control_plane", {**PRODUCTION, "SECRET_KEY": "short"})
    with pytest.raises(ValidationError, match=r"CRON_SECRET .* too short"):
        load_settings("control_plane", {**PRODUCTION, "CRON_SECRET": "c" * 31})
    assert load_settings("control_plane", {**PRODUCTION, "CRON_SECRET": "c" * 32}).is_production


def test_development_starts_with_what_is_at_hand() -> None:
    settings = load()
    assert settings.nearsight_enabled
    assert settings.runner_enabled
    assert settings.features == {"nearsight", "captorator", "metrics", "schedules"}


def test_all_flags_are_off_by_default_in_production() -> None:
    settings = load_settings("control_plane", PRODUCTION)
    assert [s.name for s in SETTINGS if s.flag and getattr(settings, s.name)] == []


@pytest.mark.parametrize("value", ["123456", "true", "2026-01-01", "1e5", "@int 5", "[1]", "{a=1}"])
def test_a_value_of_the_environment_is_taken_verbatim(value: str) -> None:
    assert load(SECRET_KEY=value.replace(" ", "_")).secret_key == value.replace(" ", "_")


def test_values_are_read_as_their_types() -> None:
    settings = load(
        RUNNER_ALLOWLIST="test_job, other_job,", RUNNER_SLOTS="8", DATABASE_PREPARE="off",
        WAKE_TIMEOUT_SECONDS="1.5",
    )  # fmt: skip
    assert settings.runner_allowlist == ("test_job", "other_job")
    assert (settings.runner_slots, settings.database_prepare) == (8, False)
    assert settings.wake_timeout_seconds == 1.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WAKE_TIMEOUT_SECONDS", "11"), ("RUNNER_SLOTS", "0"), ("RUNNER_PORT", "65536"),
        ("RUNNER_ALLOWLIST", "os.system"), ("RUNNER_HANDLERS", "a b"), ("DATABASE_PREPARE", "5"),
        ("RUNNER_URL", "ftp://h"), ("RUNNER_URL", "http://user:pw@h"),
        ("RUNNER_URL", "http://a,ftp://b"), ("RUNNER_URL", ","), ("RUNNER_URL", "http://a," * 11),
        ("OPS_API_KEY", "a b"),
        ("RUNNER_HEARTBEAT_SECONDS", "30"), ("APP_ENV", "staging"),
        ("WAKE_TIMEOUT_SECONDS", "nan"), ("RUNNER_LOOK_SECONDS", "inf"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        load_settings("control_plane", {**DEVELOPMENT, name: value})


def test_production_wakes_its_runner_over_tls_or_loopback() -> None:
    with pytest.raises(ValidationError, match="https"):
        load_settings("control_plane", {**PRODUCTION, "RUNNER_URL": "http://runner.example.com"})
    for url in ("https://runner.example.com", "http://127.0.0.1:8010"):
        assert load_settings("control_plane", {**PRODUCTION, "RUNNER_URL": url}).runner_url == url
    several = "https://a.example.com, http://127.0.0.1:8010,"
    settings = load_settings("control_plane", {**PRODUCTION, "RUNNER_URL": several})
    assert settings.runner_urls == ("https://a.example.com", "http://127.0.0.1:8010")
    with pytest.raises(ValidationError, match="https"):
        load_settings("control_plane", {**PRODUCTION, "RUNNER_URL": "https://a,http://b"})


def test_an_address_of_postgres_is_normalised_and_serves_directly_too() -> None:
    settings = load(DATABASE_URL="postgres://u:p@h/d")
    assert settings.database_url == settings.database_url_direct == "postgresql://u:p@h/d"


def test_no_pool_is_kept_on_a_serverless_platform() -> None:
    assert load(VERCEL="1").database_pool_size == 0
    assert load(VERCEL="1", DATABASE_POOL_SIZE="2").database_pool_size == 2


@pytest.mark.parametrize("changes", [{}, {"APP_ENV": "prod"}, {"RUNNER_TOKEN": "canary two words"}])
def test_no_secret_is_shown(changes: dict[str, str]) -> None:
    try:
        shown = repr(load("runner", **changes))
    except ValidationError as error:
        shown = f"{error} {error.details}"
    assert "canary" not in shown


def test_handlers_are_given_no_secret() -> None:
    given = load().handler_settings
    assert set(given) == {s.name for s in SETTINGS if s.for_handlers}
    assert not any(s.secret for s in SETTINGS if s.name in given)


def test_nothing_outside_config_reads_the_environment() -> None:
    readers = [
        str(path)
        for folder in ("app", "worker", "api", "migrations", "scripts")
        for path in Path(folder).rglob("*.py")
        if "os.environ" in path.read_text() or "os.getenv" in path.read_text()
    ]
    assert readers == []


@pytest.mark.parametrize(
    ("module", "changes", "words"),
    [
        ("api.index", {"APP_ENV": "prod", "DATABASE_URL": ""}, ("ValidationError", "DATABASE_URL")),
        ("api.index", {"DATABASE_URL": "sqlite:///test.db"}, ("ValueError", "PostgreSQL")),
        ("api.index", {**PRODUCTION, "OPS_API_KEY": ""}, ("ValidationError", "OPS_API_KEY")),
        ("worker", {"DATABASE_URL": ""}, ("ValidationError", "DATABASE_URL")),
        ("worker", {"RUNNER_TOKEN": ""}, ("ValidationError", "RUNNER_TOKEN")),
    ],
)
def test_a_process_with_a_wrong_setting_refuses_to_start(
    module: str, changes: dict[str, str], words: tuple[str, ...]
) -> None:
    environ: dict[str, Any] = {"PATH": os.environ["PATH"], **DEVELOPMENT, **changes}
    done = subprocess.run(
        [sys.executable, "-m", module], env=environ, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr
    assert "canary" not in done.stdout + done.stderr
