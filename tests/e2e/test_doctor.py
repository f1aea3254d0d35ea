"""`ops doctor` against real services: each thing that is wrong is named, with what repairs it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask

from app import jobs
from app.cli import exits
from app.cli.checks import account_finding
from app.cli.database_checks import clock_finding, pooling_finding
from app.cli.pooling import Pooling
from app.cli.root import main
from app.version import VERSION
from tests.commands import Capture
from tests.control_plane import KEY
from tests.factories import a_claim
from tests.listeners import answer, listening
from tests.planes import control_plane, served
from tests.runners import TOKEN, running

Connection = psycopg.Connection[Any]
Set = Callable[..., None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Set:
    """Return what sets the settings of this machine; those of the database are set."""

    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name.upper(), value)

    set_all(app_env="testing", database_url=database_url, ops_api_key=KEY)
    return set_all


def examine(capsys: Capture, *options: str) -> dict[str, dict[str, Any]]:
    """Return the worst finding of each check; of two that are alike, the later one."""
    main(["doctor", "--json", *options])
    order = ["skipped", "ok", "warning", "problem"]
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {f["check"]: f for f in sorted(findings, key=lambda f: order.index(f["state"]))}


def test_a_platform_in_order_has_no_problem(
    capsys: Capture, configure: Set, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # the tests may be run by root
    with (
        running(database_url) as runner,
        control_plane(database_url, cron_secret="a-secret") as url,
    ):
        configure(
            ops_url=url, secret_key="a-secret-key", runner_token=TOKEN,
            runner_url=runner.url, runner_token_outbound=TOKEN,
        )  # fmt: skip
        assert main(["doctor", "--json", "--audit"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {f["check"] for f in report["findings"] if f["state"] == "ok"} == {
        "settings", ".env", "account", "flags", "database", "clock", "pooler", "migrations",
        "runners", "audit", "api", "api database", "api key", "cron secret", "listener",
        "runner token",
    }  # fmt: skip
    assert (report["healthy"], report["problems"], report["warnings"]) == (True, 0, 0)


def test_a_wrong_key_and_a_wrong_token_are_named(
    capsys: Capture, configure: Set, database_url: str
) -> None:
    with running(database_url) as runner, control_plane(database_url) as url:
        configure(
            ops_url=url, ops_api_key="wrong", runner_url=runner.url, runner_token_outbound="wrong"
        )
        found = examine(capsys)
    assert found["api"]["fix"] == "set OPS_API_KEY in the environment or in .env"
    assert "RUNNER_TOKEN" in found["listener"]["fix"]
    states = {name: found[name]["state"] for name in ("api", "listener", "api key", "runner token")}
    assert states == {
        "api": "problem",
        "listener": "problem",
        "api key": "ok",
        "runner token": "ok",
    }


def test_doors_that_let_everybody_in_are_named(capsys: Capture, configure: Set) -> None:
    anybody = Flask("anybody")

    @anybody.route("/", defaults={"path": ""})
    @anybody.route("/<path:path>")
    def welcome(path: str) -> dict[str, Any]:
        return {"version": VERSION, "flags": {}, "settings": {}}

    with served(anybody) as url, listening(answer(202)) as runner:
        configure(ops_url=url, runner_url=runner.url, runner_token_outbound="any")
        found = examine(capsys)
    for check in ("api key", "cron secret", "runner token"):
        assert found[check]["state"] == "problem"
        assert found[check]["detail"].endswith("was not refused")


def test_what_the_control_plane_lacks_is_named(
    capsys: Capture, configure: Set, empty_database_url: str
) -> None:
    with control_plane(empty_database_url, runner_enabled=True, runner_url="http://x") as url:
        configure(ops_url=url)
        assert main(["doctor", "--json"]) == exits.DOCTOR
    report = json.loads(capsys.readouterr().out)
    details = {f["detail"]: f["fix"] for f in report["findings"] if f["check"] == "api"}
    assert "there, RUNNER_ENABLED is on but RUNNER_TOKEN_OUTBOUND is not set" in details
    assert any("503" in detail for detail in details)


def test_a_runner_of_another_version_is_named_until_it_is_restarted(
    capsys: Capture, configure: Set, connection: Connection
) -> None:
    def start(version: str) -> None:
        jobs.register_runner(
            connection, id=uuid4(), name="a", host="h", pid=1, version=version, allowlist=[],
            slots=1,
        )  # fmt: skip

    configure(ops_url="http://127.0.0.1:9")
    assert examine(capsys)["runners"]["detail"] == "no runner was ever seen"
    start("0.0.1")
    old = examine(capsys)["runners"]
    assert old["state"] == "warning"
    assert old["detail"] == f"runner a is version 0.0.1, here is {VERSION}"
    assert "restart" in old["fix"]
    start(VERSION)
    assert examine(capsys)["runners"]["state"] == "ok"


def test_the_audit_is_asked_for_and_names_the_job(
    capsys: Capture, configure: Set, connection: Connection
) -> None:
    configure(ops_url="http://127.0.0.1:9")
    held = a_claim(connection)
    assert "audit" not in examine(capsys)
    assert examine(capsys, "--audit")["audit"]["state"] == "ok"
    connection.execute(
        "update ops_jobs set status = 'succeeded', finished_at = now() where id = %s",
        [held.id],
    )
    finding = examine(capsys, "--audit")["audit"]
    assert finding["state"] == "problem"
    assert finding["fix"] == f"ops job events {held.id}"


def test_a_history_that_cannot_be_read_is_skipped(
    capsys: Capture, configure: Set, empty_database_url: str
) -> None:
    configure(ops_url="http://127.0.0.1:9", database_url=empty_database_url)
    assert examine(capsys, "--audit")["audit"]["state"] == "skipped"


@pytest.mark.parametrize(("user_id", "state"), [(0, "warning"), (1000, "ok")])
def test_handlers_that_root_would_run_are_a_warning(user_id: int, state: str) -> None:
    finding = account_finding(user_id)
    assert finding.state == state
    assert (finding.fix is None) is (state == "ok")


@pytest.mark.parametrize(("skew", "state"), [(0.4, "ok"), (-1.9, "ok"), (3, "warning")])
def test_a_clock_that_is_seconds_off_is_a_warning(skew: float, state: str) -> None:
    finding = clock_finding(skew)
    assert finding.state == state
    assert (finding.fix is None) is (state == "ok")


@pytest.mark.parametrize(
    ("found", "is_preparing", "state"),
    [
        (Pooling("none"), True, "ok"),
        (Pooling("session"), True, "ok"),
        (Pooling("transaction", follows_prepared=True), True, "ok"),
        (Pooling("transaction", follows_prepared=False), True, "problem"),
        (Pooling("transaction", follows_prepared=False), False, "ok"),
    ],
)
def test_an_address_is_judged_by_what_it_leads_through(
    found: Pooling, is_preparing: bool, state: str
) -> None:
    assert pooling_finding("DATABASE_URL", found, is_preparing=is_preparing).state == state


def test_no_secret_is_in_the_report(capsys: Capture, configure: Set) -> None:
    canary = "canary-of-a-secret-1f7c"
    configure(
        ops_url="http://127.0.0.1:9", ops_api_key=canary, runner_token=canary,
        runner_url="http://127.0.0.1:9/canary", runner_token_outbound=canary, cron_secret=canary,
        database_url=f"postgresql://ops:{canary}@127.0.0.1:1/ops",
    )  # fmt: skip
    for options in ([], ["--json"], ["--audit"]):
        assert main(["doctor", *options]) == exits.DOCTOR
        printed = capsys.readouterr()
        assert "canary" not in printed.out + printed.err
