"""11. How fast is bad input refused? What the tests send, to the server under gunicorn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.contenders import OURS, default
from bench.drains import READY_SECONDS
from bench.figures import MILLISECOND, percentiles
from bench.session import Case, Run, Session

if TYPE_CHECKING:
    from tests.bad_input.case import Case as BadInput

LIMIT_MS = 250
_VARIABLES = {
    "APP_ENV": "testing",
    "JOBS_ENABLED": "true",
    "RUNNER_ENABLED": "true",
    "RUNNER_URL": "http://127.0.0.1:9",  # nothing listens there, and none of it wakes
    "RUNNER_TOKEN_OUTBOUND": "x",
}


def measure(session: Session) -> list[Run]:
    """Send every case of the corpus, one at a time."""
    if not session.has(OURS):
        return []
    # Here and not above: no other scenario needs the tests.
    from tests.bad_input.corpus import CASES
    from tests.control_plane import KEY

    variables = {**_VARIABLES, "OPS_API_KEY": KEY}
    ours = default(session.system(OURS), features=["schedules"], variables=variables)
    return session.measure([Case(ours)], lambda case: _send(session, case, CASES))


def _send(session: Session, case: Case, corpus: list[BadInput]) -> Run:
    from tests.raw_http import exchange

    took: dict[str, float] = {}
    wrong: list[str] = []
    with (
        session.database(case.contender.system) as database,
        session.adapter(case.contender, database) as server,
    ):
        server.call("install", timeout_seconds=READY_SECONDS)
        server.begin("serve")
        port = server.result(timeout_seconds=READY_SECONDS)["port"]
        for number, bad in enumerate(corpus):
            request = bad.request()
            begin_ns = time.monotonic_ns()
            answer, _ = exchange(port, request)
            took[f"{number} {bad.name}"] = (time.monotonic_ns() - begin_ns) / MILLISECOND
            if answer.status != bad.status:
                wrong.append(bad.name)
    return {
        "requests": len(took),
        **percentiles(list(took.values())),
        "slowest": max(took, key=lambda name: took[name]),
        "over_limit": sum(milliseconds > LIMIT_MS for milliseconds in took.values()),
        "wrong": wrong,
    }
