"""Calls of the built function: an instance under the platform's Python, with a real database."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg

from app.captorator.job_type import JOB_TYPE
from app.cli.made_secrets import make_secret
from app.cli.postgres import running
from app.db.migrate import FEATURES, upgrade
from scripts.vercel_bundle import Bundle

INSTANCE = Path(__file__).with_name("vercel_instance.py")
JOBS = "/api/v1/ops/jobs"
CRON = "/api/v1/ops/cron/wake"
KEY = make_secret()
JOB = {"job_type": JOB_TYPE.name, "payload": JOB_TYPE.example}
REQUESTS = (
    ("GET", "/healthz", "", None, 200),
    ("GET", "/readyz", "", None, 200),
    ("GET", "/openapi.json", "", None, 200),
    ("GET", "/docs", "", None, 200),
    ("GET", "/app/__init__.py", "", None, 404),
    ("GET", "/settings.toml", "", None, 404),
    ("GET", JOBS, "", None, 401),
    ("POST", JOBS, "wrong", JOB, 401),
    ("POST", JOBS, KEY, JOB, 201),
    ("GET", f"{JOBS}?limit=1", KEY, None, 200),
    ("GET", CRON, "wrong", None, 401),
    ("GET", CRON, KEY, None, 200),
)
END_SECONDS = 20.0
CLOSE_SECONDS = 2.0


class Instance:
    """A running instance; requests go in as the platform sends them."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests = requests
        self._answers = answers

    def request(self, method: str, path: str, *, key: str, body: object) -> tuple[int, str]:
        """Return the status and the body of the answer; status 0 where the instance died.

        The key is sent as the cron's secret, too.
        """
        headers = {"host": "ops.example.com", "content-type": "application/json"}
        headers |= {"x-ops-key": key, "authorization": f"Bearer {key}"}
        text = None if body is None else json.dumps(body)
        request = {"method": method, "path": path, "headers": headers, "body": text}
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        line = self._answers.readline()
        if not line:
            return 0, "the instance ended"
        answer = json.loads(line)
        return answer["statusCode"], answer["body"]


def find_wrong_answers(bundle: Bundle, python: Path, folder: Path) -> Iterator[str]:
    """Yield what the function, unpacked in `folder`, does not do as it should."""
    with tempfile.TemporaryDirectory(prefix="ops-vercel-") as data:
        Path(data).chmod(0o711)  # where root has to become `nobody`, it must get through
        with running(Path(data), fast_unsafe=True) as server:
            upgrade(server.url, features=FEATURES)
            variables = {
                **bundle.environment,
                "VERCEL": "1", "APP_ENV": "production", "DATABASE_URL": server.url,
                "SECRET_KEY": make_secret(), "OPS_API_KEY": KEY, "CRON_SECRET": KEY,
                "CAPTORATOR_ENABLED": "true", "JOBS_ENABLED": "true",
            }  # fmt: skip
            log = Path(data) / "instance.log"
            with psycopg.connect(server.url, autocommit=True) as conn:
                with _instance(python, folder, variables, log) as instance:
                    faults = [*_find_wrong_statuses(instance), *_find_open_connections(conn)]
                faults += _find_wrong_jobs(conn)
            yield from faults
            if faults:
                yield f"its log:\n{log.read_text()}"


@contextmanager
def _instance(
    python: Path, folder: Path, variables: dict[str, str], log: Path
) -> Iterator[Instance]:
    """Run an instance with these variables and no other, as the platform does."""
    with (
        open(log, "w") as errors,
        subprocess.Popen(
            [python, INSTANCE], cwd=folder, env=variables, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        ) as process,
    ):  # fmt: skip
        try:
            if process.stdin and process.stdout:
                yield Instance(process.stdin, process.stdout)
            process.communicate(timeout=END_SECONDS)
        finally:
            process.kill()


def _find_wrong_statuses(instance: Instance) -> Iterator[str]:
    started = time.monotonic()
    for number, (method, path, key, body, expected) in enumerate(REQUESTS):
        status, text = instance.request(method, path, key=key, body=body)
        if number == 0:
            print(f"First answer after {time.monotonic() - started:.1f} s.")
        if status != expected:
            yield f"{method} {path} answers {status} and not {expected}: {text[:500]}"


def _find_open_connections(conn: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    """Ask while the instance lives and has nothing to do: the platform would freeze it now."""
    others = (
        "select pid, application_name from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    deadline = time.monotonic() + CLOSE_SECONDS
    while (held := conn.execute(others).fetchall()) and time.monotonic() < deadline:
        time.sleep(0.05)  # the server notices the end of a connection a moment later
    for pid, name in held:
        yield f"connection {pid} ({name}) stays open in an instance that may be frozen"


def _find_wrong_jobs(conn: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    found = conn.execute("select job_type, status from ops_jobs").fetchall()
    if found != [(JOB_TYPE.name, "queued")]:
        yield f"one job was accepted, and the database has {found}"
