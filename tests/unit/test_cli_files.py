"""The files that `ops` writes: private, whole, and never a lost value."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from app.cli import exits
from app.cli.exits import CommandError
from app.cli.init import make_env_file
from app.cli.local import alone_in, publish, published
from app.cli.made_secrets import SECRETS_FILE, complete, keep

NAMES = {"SECRET_KEY", "OPS_API_KEY", "RUNNER_TOKEN", "RUNNER_TOKEN_OUTBOUND", "CRON_SECRET"}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_missing_secrets_are_strong_and_all_different() -> None:
    made = complete({})
    assert made.keys() == NAMES
    assert made["RUNNER_TOKEN"] == made["RUNNER_TOKEN_OUTBOUND"]
    assert len(set(made.values())) == len(NAMES) - 1
    assert min(map(len, made.values())) >= 43


@pytest.mark.parametrize("name", ["RUNNER_TOKEN", "RUNNER_TOKEN_OUTBOUND"])
def test_one_given_token_is_the_other_one_too(name: str) -> None:
    values = {name: "given"} | complete({name: "given"}, kept={"RUNNER_TOKEN": "kept"})
    assert values["RUNNER_TOKEN"] == values["RUNNER_TOKEN_OUTBOUND"] == "given"


def test_made_secrets_are_kept_for_the_next_start(tmp_path: Path) -> None:
    first = keep(tmp_path, {"OPS_API_KEY": "given"})
    assert keep(tmp_path, {"OPS_API_KEY": "given"}) == first
    text = (tmp_path / SECRETS_FILE).read_text()
    assert "given" not in text
    assert mode_of(tmp_path / SECRETS_FILE) == 0o600


def test_a_given_token_is_not_kept(tmp_path: Path) -> None:
    keep(tmp_path, {"RUNNER_TOKEN": "given"})
    assert "given" not in (tmp_path / SECRETS_FILE).read_text()


def test_init_makes_a_private_file_with_every_secret(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    make_env_file(path, force=False)
    values = dotenv_values(path)
    assert mode_of(path) == 0o600
    assert NAMES | {"APP_ENV"} == values.keys()
    assert values["RUNNER_TOKEN"] == values["RUNNER_TOKEN_OUTBOUND"]


def test_init_refuses_to_overwrite(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("OPS_API_KEY=mine\n")
    with pytest.raises(CommandError) as refusal:
        make_env_file(path, force=False)
    assert refusal.value.exit_code == exits.CONFLICT
    assert path.read_text() == "OPS_API_KEY=mine\n"


def test_init_by_force_adds_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nOPS_API_KEY=mine\nRUNNER_SLOTS=2")
    make_env_file(path, force=True)
    values = dotenv_values(path)
    assert path.read_text().startswith("# mine\nOPS_API_KEY=mine\nRUNNER_SLOTS=2\n")
    assert values["OPS_API_KEY"] == "mine"
    assert values["SECRET_KEY"]
    assert mode_of(path) == 0o600


def test_what_a_stack_chose_is_known_while_it_runs_and_not_after(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        publish(tmp_path, {"OPS_URL": "http://127.0.0.1:9000"})
        assert published(tmp_path) == {"OPS_URL": "http://127.0.0.1:9000"}
        assert mode_of(tmp_path / "up.json") == 0o600
    assert published(tmp_path) == {}


def test_a_folder_is_held_once(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(BlockingIOError), alone_in(tmp_path):
        pass
