"""10. How long until a function of which no instance runs has answered, and how much memory is it?

Each time a new process imports `api.index`, with the settings of the platform, and makes two jobs.
"""

from __future__ import annotations

from bench.contenders import OURS, default
from bench.session import Case, Run, Session

_START_SECONDS = 60.0


def measure(session: Session) -> list[Run]:
    """Start the function anew, again and again."""
    if not session.has(OURS):
        return []
    cases = [Case(default(session.system(OURS), variables={"VERCEL": "1"}))]
    return session.measure(
        cases, lambda case: _start(session, case), repeats=session.sizes.cold_starts
    )


def _start(session: Session, case: Case) -> Run:
    with (
        session.database(case.contender.system) as database,
        session.adapter(case.contender, database) as adapter,
    ):
        run: Run = adapter.call("start_cold", timeout_seconds=_START_SECONDS)
    return run
