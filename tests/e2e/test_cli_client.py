"""The commands that talk to the control plane, against the real one over a real socket."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from app import jobs
from app.cli import exits
from app.cli.made_secrets import complete
from app.cli.root import main
from tests.commands import Capture
from tests.factories import ACTOR, a_runner
from tests.planes import control_plane
from tests.processes import process

KEY = "canary-ops-key-7d1f"
Connection = psycopg.Connection[Any]


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    """Serve the control plane in a thread."""
    with control_plane(database_url, ops_api_key=KEY) as url:
        yield url


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("OPS_URL", address)
    monkeypatch.setenv("OPS_API_KEY", KEY)


def create(capsys: Capture, *arguments: str) -> str:
    """Create a job by the command and return its id, which is all that it prints as data."""
    assert main(["job", "create", *(arguments or ("test_job",))]) == 0
    return str(UUID(capsys.readouterr().out.strip()))


def finish(connection: Connection, job_id: str, outcome: str) -> None:
    """Take a job to a final state by the verbs, as a runner would."""
    if outcome == "cancelled":
        jobs.cancel(connection, UUID(job_id), actor="api")
        return
    runner = a_runner(connection)
    (claim,) = jobs.claim(
        connection, runner_instance=runner, actor=ACTOR, allowlist=["test_job"], limit=1
    )
    if outcome == "succeeded":
        jobs.succeed(
            connection, [jobs.Success(claim.id, claim.claim_seq, '{"echo": 1}')], actor=ACTOR
        )
    else:
        jobs.fail(connection, [jobs.Failure(claim.id, claim.claim_seq, "no luck")], actor=ACTOR)


def test_create_sends_every_option(capsys: Capture, connection: Connection) -> None:
    job_id = create(
        capsys, "test_job", "-p", "n=1", "-p", "city=Lisbon", "--queue", "slow", "--priority", "2",
        "--delay", "5m", "--max-attempts", "4", "--timeout", "2m", "--dedupe-key", "k", "--tag",
        "a", "--tag", "b",
    )  # fmt: skip
    job = jobs.get_job(connection, UUID(job_id))
    assert job.payload == {"n": 1, "city": "Lisbon"}
    assert (job.queue, job.priority, job.max_attempts, job.timeout_seconds) == ("slow", 2, 4, 120)
    assert (job.dedupe_key, job.tags) == ("k", ["a", "b"])
    assert (job.available_at - job.created_at).total_seconds() == pytest.approx(300, abs=1)


def test_create_at_a_moment(capsys: Capture, connection: Connection) -> None:
    job = jobs.get_job(connection, UUID(create(capsys, "test_job", "--at", "2h")))
    assert (job.available_at - job.created_at).total_seconds() == pytest.approx(7200, abs=60)


def test_create_reads_a_payload_from_stdin(
    capsys: Capture, connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    path = tmp_path / "payload.json"
    path.write_text('{"a": [1, {"b": null}]}')
    with path.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        job_id = create(capsys, "test_job", "--file", "-")
    assert jobs.get_job(connection, UUID(job_id)).payload == {"a": [1, {"b": None}]}


def test_create_twice_with_a_key_makes_one_job(capsys: Capture) -> None:
    first = create(capsys, "test_job", "--key", "morning")
    assert create(capsys, "test_job", "--key", "morning") == first
    assert main(["job", "create", "test_job", "-p", "n=1", "--key", "morning"]) == exits.ERROR


def test_list_is_an_aligned_table_newest_first(capsys: Capture, connection: Connection) -> None:
    first, second = create(capsys), create(capsys, "test_job", "--tag", "x")
    finish(connection, first, "failed")
    assert main(["job", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "TYPE", "STATUS", "ATTEMPT", "CREATED", "TOOK", "NOTE"]
    assert [line.split()[:3] for line in lines[1:]] == [
        [second, "test_job", "queued"],
        [first, "test_job", "failed"],
    ]
    assert lines[2].endswith("no luck")
    assert main(["job", "list", "--tag", "x", "--since", "1h", "--limit", "1", "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert [job["id"] for job in page["data"]] == [second]


def test_an_empty_list_says_what_to_do_next(capsys: Capture) -> None:
    assert main(["job", "list", "--status", "running"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "ops job create" in printed.err


def test_show_prints_all_that_is_known(capsys: Capture, connection: Connection) -> None:
    job_id = create(capsys, "test_job", "-p", "city=Lisbon")
    finish(connection, job_id, "succeeded")
    assert main(["job", "show", job_id]) == 0
    text = capsys.readouterr().out
    assert job_id in text
    assert "succeeded" in text
    assert '"city": "Lisbon"' in text
    assert '"echo": 1' in text


def test_a_shared_option_is_taken_before_and_after_the_command(capsys: Capture) -> None:
    job_id = create(capsys)
    for arguments in (["--json", "job", "show", job_id], ["job", "show", job_id, "--json"]):
        assert main(arguments) == 0
        assert json.loads(capsys.readouterr().out)["id"] == job_id


def test_events_are_the_chain_in_order(capsys: Capture, connection: Connection) -> None:
    job_id = create(capsys)
    finish(connection, job_id, "succeeded")
    assert main(["job", "events", job_id]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["queued", "running", "succeeded"]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("succeeded", 0), ("failed", exits.JOB_FAILED), ("cancelled", exits.JOB_CANCELLED)],
)
def test_the_exit_code_of_watch_is_the_outcome(
    capsys: Capture, connection: Connection, outcome: str, code: int
) -> None:
    job_id = create(capsys)
    finish(connection, job_id, outcome)
    assert main(["job", "watch", job_id]) == code
    assert capsys.readouterr().out.splitlines()[-1].split()[1].rstrip(":") == outcome
    assert main(["job", "watch", job_id, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["status"] == outcome


def test_watch_follows_a_job_that_is_still_running(capsys: Capture, connection: Connection) -> None:
    job_id = create(capsys)
    codes: list[int] = []
    watching = threading.Thread(target=lambda: codes.append(main(["job", "watch", job_id])))
    watching.start()
    finish(connection, job_id, "succeeded")
    watching.join(30)
    assert codes == [0]


def test_watch_gives_up_in_time_and_the_job_goes_on(capsys: Capture) -> None:
    job_id = create(capsys)
    assert main(["job", "watch", job_id, "--timeout", "0.1"]) == exits.UNREACHABLE
    assert f"ops job watch {job_id}" in capsys.readouterr().err


def test_create_and_wait_ends_with_the_outcome(capsys: Capture, connection: Connection) -> None:
    job_id = create(capsys, "test_job", "--key", "k")
    finish(connection, job_id, "failed")
    again = ["job", "create", "test_job", "--key", "k", "--wait"]
    assert main([*again, "--json"]) == exits.JOB_FAILED
    printed = capsys.readouterr()
    assert json.loads(printed.out)["status"] == "failed"
    assert "no luck" in printed.err


def test_cancel_says_what_happened(capsys: Capture, connection: Connection) -> None:
    job_id = create(capsys)
    assert main(["job", "cancel", job_id, "--reason", "by mistake"]) == 0
    events = jobs.list_events(connection, UUID(job_id))
    assert (events[-1].kind, events[-1].message) == ("cancelled", "by mistake")


def test_cancelling_a_finished_job_is_a_conflict(capsys: Capture, connection: Connection) -> None:
    job_id = create(capsys)
    finish(connection, job_id, "succeeded")
    assert main(["job", "cancel", job_id]) == exits.CONFLICT


def test_why_tells_why_a_job_waits(capsys: Capture) -> None:
    job_id = create(capsys, "test_job", "--delay", "1h")
    assert main(["job", "why", job_id]) == 0
    assert capsys.readouterr().out.strip()
    assert main(["job", "why", job_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting_reason"]["code"]


def test_trigger_without_a_configured_runner_is_unreachable(capsys: Capture) -> None:
    assert main(["trigger", "test_job"]) == exits.UNREACHABLE


def test_a_trigger_payload_needs_a_type(capsys: Capture) -> None:
    assert main(["trigger", "-p", "a=1"]) == exits.USAGE


def test_an_unknown_job_is_not_found(capsys: Capture) -> None:
    assert main(["job", "show", str(uuid4())]) == exits.NOT_FOUND
    assert main(["job", "watch", str(uuid4())]) == exits.NOT_FOUND


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_wrong_key_is_an_auth_error(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPS_API_KEY", key)
    assert main(["job", "list"]) == exits.AUTH
    assert "OPS_API_KEY" in capsys.readouterr().err


def test_a_wrong_body_names_the_place(capsys: Capture) -> None:
    assert main(["job", "create", "Not A Type"]) == exits.ERROR
    assert "/job_type" in capsys.readouterr().err


def test_json_errors_are_the_problem_document(capsys: Capture) -> None:
    assert main(["job", "create", "Not A Type", "--json"]) == exits.ERROR
    assert json.loads(capsys.readouterr().out)["code"]


def test_nobody_there_is_unreachable(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--url", "http://127.0.0.1:9", "job", "list"]) == exits.UNREACHABLE
    assert main(["job", "list", "--url", "http://127.0.0.1:9"]) == exits.UNREACHABLE
    assert "ops up" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8000", "http://"])
def test_an_address_that_is_none_is_a_usage_error(capsys: Capture, url: str) -> None:
    assert main(["job", "list", "--url", url]) == exits.USAGE


def test_curl_shows_the_request_with_the_name_of_the_key(capsys: Capture, address: str) -> None:
    assert main(["job", "create", "test_job", "-p", "n=1", "--key", "k", "--curl"]) == 0
    printed = capsys.readouterr()
    assert '-H "X-Ops-Key: $OPS_API_KEY"' in printed.err
    assert "-H 'Idempotency-Key: k'" in printed.err
    assert f"{address}/api/v1/ops/jobs" in printed.err
    assert re.search(r"-d '\{.*\"n\": 1.*\}'", printed.err)


def test_ctrl_c_ends_watching_and_says_that_the_job_goes_on(capsys: Capture) -> None:
    job_id = create(capsys)
    with process(["-m", "app.cli", "job", "watch", job_id], os.environ) as watching:
        watching.wait_for_line("queued")
        watching.signal(signal.SIGINT)
        assert watching.wait() == exits.INTERRUPTED
        assert "The job goes on" in watching.output


def test_doctor_names_problems_with_their_fixes(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    chosen = complete({"OPS_API_KEY": KEY}) | {
        "APP_ENV": "testing",
        "DATABASE_URL": database_url,
        "RUNNER_ENABLED": "true",
        "JOBS_ENABLED": "true",
        "RUNNER_URL": "http://127.0.0.1:9",
        "CRON_SECRET": "",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor", "--json"]) == exits.DOCTOR
    report = json.loads(capsys.readouterr().out)
    states = {finding["check"]: finding["state"] for finding in report["findings"]}
    assert states == {
        "settings": "ok", ".env": states[".env"], "account": states["account"],
        "flags": "problem", "database": "ok",
        "clock": "ok", "pooler": "ok", "migrations": "ok", "runners": "problem", "api": "ok",
        "api database": "ok", "api key": "ok", "cron secret": "ok", "listener": "problem",
    }  # fmt: skip
    assert all(f["fix"] for f in report["findings"] if f["state"] == "problem")
    assert main(["doctor"]) == exits.DOCTOR
    printed = capsys.readouterr()
    assert "fix:" in printed.out
    assert not any(value in printed.out for value in (KEY, database_url, chosen["RUNNER_URL"]))


def test_doctor_skips_what_has_no_ground(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv("APP_ENV", "testing")
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    assert main(["doctor", "--json"]) == exits.DOCTOR
    findings = {f["check"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["migrations"]["fix"] == "ops db upgrade"
    assert "runners" not in findings
    assert main(["db", "upgrade"]) == 0
    assert main(["db", "current"]) == 0
    assert main(["db", "upgrade"]) == 0


def test_the_key_is_in_no_output(capsys: Capture) -> None:
    for arguments in (
        ["-v", "job", "create", "test_job", "--curl", "--json"],
        ["-v", "job", "show", str(uuid4()), "--curl"],
        ["-v", "job", "list", "--url", "http://127.0.0.1:9", "--curl"],
        ["config", "show"],
        ["config", "show", "--json"],
        ["doctor"],
    ):
        main(arguments)
        printed = capsys.readouterr()
        assert KEY not in printed.out + printed.err
