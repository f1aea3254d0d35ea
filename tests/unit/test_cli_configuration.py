"""`ops config` and the check of `.env`: what is shown, and what never is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import exits
from app.cli.checks import check_env_file
from app.cli.configuration import HIDDEN
from app.cli.root import main
from config import SETTINGS

Capture = pytest.CaptureFixture[str]
SECRETS = [setting for setting in SETTINGS if setting.secret]


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set every secret to a value that must not be seen."""
    values = []
    for setting in SECRETS:
        value = f"canary-{setting.name}"
        if "url" in setting.name:
            scheme = "https" if setting.name == "runner_url" else "postgresql"
            value = f"{scheme}://canary.example.com/{setting.name}"
        monkeypatch.setenv(setting.variable, value)
        values.append(value)
    return values


@pytest.mark.parametrize("options", [[], ["--json"], ["--set"]], ids=" ".join)
def test_show_tells_each_setting_and_hides_each_secret(
    capsys: Capture, canaries: list[str], options: list[str]
) -> None:
    assert main(["config", "show", *options]) == 0
    text = capsys.readouterr().out
    assert text.count(HIDDEN) == len(SECRETS)
    assert "canary" not in text
    assert all(setting.variable in text for setting in SECRETS)


def test_show_names_the_source(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "dev")
    monkeypatch.setenv("RUNNER_SLOTS", "7")
    assert main(["config", "show", "--json"]) == 0
    settings = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert settings["RUNNER_SLOTS"]["value"] == "7"
    assert settings["RUNNER_SLOTS"]["source"] == "environment"
    assert settings["NEARSIGHT_ENABLED"]["source"] == "settings.toml"
    assert settings["RUNNER_ALLOWLIST"]["source"] != "environment"


def test_get_prints_one_value_even_of_a_secret(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_API_KEY", "12345678")
    assert main(["config", "get", "OPS_API_KEY"]) == 0
    assert capsys.readouterr().out == "12345678\n"


def test_get_of_an_unknown_name_suggests_one(capsys: Capture) -> None:
    assert main(["config", "get", "OPS_API_KEI"]) == exits.NOT_FOUND
    assert "OPS_API_KEY" in capsys.readouterr().err


def test_check_names_everything_that_is_wrong_at_once(
    capsys: Capture, canaries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_ENV", "prod")
    monkeypatch.setenv("RUNNER_SLOTS", "many")
    monkeypatch.setenv("SECRET_KEY", "too-short")
    assert main(["config", "check"]) == exits.ERROR
    text = capsys.readouterr().err
    assert "RUNNER_SLOTS" in text
    assert "SECRET_KEY" in text
    assert "too-short" not in text
    assert "canary" not in text


def test_check_of_valid_settings_is_quiet(
    capsys: Capture, canaries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_ENV", "dev")
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o640, "problem"), (0o604, "problem")])
def test_an_env_file_that_others_may_read_is_a_problem(
    tmp_path: Path, mode: int, state: str
) -> None:
    path = tmp_path / ".env"
    path.touch()
    path.chmod(mode)
    (finding,) = check_env_file(path)
    assert finding.state == state
    assert finding.fix == (None if state == "ok" else f"chmod 600 {path}")
