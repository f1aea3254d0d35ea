"""Holds the embedded PostgreSQL for a stack and lets go when the stack is gone, however it went.

Run as a program: it prints one line of JSON, the address or the reason why there is none, and
keeps the server running until its standard input ends. The kernel closes that pipe with the
process at the other end, so that a killed `ops up` leaves no server behind.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path

from app.cli.postgres import running
from app.cli.postgres_programs import PostgresError


def main(directory: str, postgres_bin: str = "") -> int:
    """Run the server of the directory until the end of standard input."""
    # Whoever started this ends it by closing the pipe; a signal to the group must not.
    # A handler and not SIG_IGN, which the server would inherit.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    try:
        programs = Path(postgres_bin) if postgres_bin else None
        with running(Path(directory), postgres_bin=programs) as server:
            _report({"url": server.url, "started": server.started})
            sys.stdin.read()
    except PostgresError as error:
        _report({"error": str(error)})
        return 1
    return 0


def _report(found: dict[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens: standard input has ended too
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
