"""With a canary in every secret, no route says one: with a key or without, in order or not."""

from __future__ import annotations

import pytest

from config import SETTINGS
from tests import witness
from tests.control_plane import JOBS, KEY, TRIGGER, serving
from tests.witness import CANARY

ADDRESS = f"http://{CANARY}.invalid:1"
NOWHERE = f"postgresql://{CANARY}:{CANARY}-password@127.0.0.1:1/{CANARY}"
OWN = {"database_url", "database_url_direct", "secret_key", "ops_api_key", "runner_url"}


@pytest.mark.parametrize("is_broken", [False, True], ids=["in order", "database gone"])
def test_no_answer_of_any_route_holds_a_secret(database_url: str, is_broken: bool) -> None:
    secrets = {s.name: f"{CANARY}-{s.name}" for s in SETTINGS if s.secret and s.name not in OWN}
    options = {**secrets, "runner_enabled": True, "runner_url": ADDRESS, "jobs_enabled": True}
    asked = 0
    with serving(NOWHERE if is_broken else database_url, **options) as client:
        for rule in client.application.url_map.iter_rules():
            path = rule.rule.replace("<job_id>", "0" * 8).replace("<name>", "none")
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                for headers in ({"X-Ops-Key": KEY}, {"X-Ops-Key": ""}):
                    client.open(path, method=method, headers=headers, json={})
                    asked += 1
        for path in (JOBS, TRIGGER):
            client.post(path, json={"job_type": "greet", "payload": {"name": "Ada"}})
    assert asked > 40
    assert witness.leaks() == []
