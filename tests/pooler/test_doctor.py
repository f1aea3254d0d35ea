"""`ops doctor` before PgBouncer: what it recognises, what it advises, what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app.cli.pooling import Pooling, find_pooling
from app.cli.root import main
from tests.pgbouncer import PgBouncer, assert_nothing_is_left_in_the_pool, connect

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def session_pooling(pooler: PgBouncer) -> Iterator[None]:
    pooler.ask("set pool_mode = session")
    yield
    pooler.ask("set pool_mode = transaction")


def test_a_direct_address_is_told_from_a_pooled_one(direct_url: str, pooled_url: str) -> None:
    assert find_pooling(direct_url, timeout_seconds=5) == Pooling("none")
    found = find_pooling(pooled_url, timeout_seconds=5)
    assert found == Pooling("transaction", follows_prepared=False)
    assert_nothing_is_left_in_the_pool(pooled_url)


def test_a_pool_with_one_free_connection_is_enough(pooled_url: str) -> None:
    with connect(pooled_url) as holding:
        holding.execute("select 1")
        assert find_pooling(pooled_url, timeout_seconds=5).kind == "transaction"


@pytest.mark.usefixtures("session_pooling")
def test_session_mode_is_told_from_transaction_mode(pooled_url: str) -> None:
    assert find_pooling(pooled_url, timeout_seconds=5) == Pooling("session")


def test_an_address_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(psycopg.OperationalError):
        find_pooling("postgresql://127.0.0.1:1/none", timeout_seconds=2)


def ask_doctor(capsys: Capture) -> list[dict[str, Any]]:
    """Return what the doctor found out about the addresses."""
    main(["doctor", "--json", "--url", "http://127.0.0.1:9"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return [finding for finding in findings if finding["check"] == "pooler"]


@pytest.mark.parametrize(
    ("prepare", "state", "fix"),
    [("true", "problem", "set DATABASE_PREPARE=false"), ("false", "ok", None)],
)
def test_prepared_statements_that_get_lost_are_a_problem(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, pooled_url: str,
    prepare: str, state: str, fix: str | None,
) -> None:  # fmt: skip
    monkeypatch.setenv("APP_ENV", "testing")
    monkeypatch.setenv("DATABASE_URL", pooled_url)
    monkeypatch.setenv("DATABASE_PREPARE", prepare)
    (finding,) = ask_doctor(capsys)
    assert (finding["state"], finding["fix"]) == (state, fix)
    assert finding["detail"].startswith("DATABASE_URL leads through a pooler in transaction mode")


def test_a_direct_address_that_is_pooled_is_a_warning(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, pooled_url: str, direct_url: str
) -> None:
    monkeypatch.setenv("APP_ENV", "testing")
    monkeypatch.setenv("DATABASE_URL", direct_url)
    monkeypatch.setenv("DATABASE_URL_DIRECT", pooled_url)
    monkeypatch.setenv("DATABASE_PREPARE", "false")
    first, second = ask_doctor(capsys)
    assert first["detail"] == "DATABASE_URL leads straight to the server"
    assert (second["state"], second["fix"]) == (
        "warning", "set DATABASE_URL_DIRECT to the unpooled address",
    )  # fmt: skip
