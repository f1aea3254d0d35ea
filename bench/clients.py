"""`python -m bench.clients`: clients that send one request over and over, in a process of its own.

Each has a connection that stays open and a thread, and sends the next request when the answer to
the last is there. What is asked comes as JSON on standard input, what was seen goes to standard
output. Sockets alone, no HTTP library: the clients share the cores with what they measure.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from socket import create_connection
from typing import IO, Any

from bench.remote import ROOT, AdapterFailed

_ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """One request as bytes on the wire (latin-1), how many clients send it, and how long.

    What is sent in the seconds before is answered like the rest, and not measured. Each client
    has one measured at least, however long that takes.
    """

    port: int
    request: str
    clients: int
    seconds: float
    before_seconds: float


@dataclass(slots=True)
class Seen:
    """Begin and end of each measured exchange in nanoseconds, and the statuses of all of them."""

    timed: list[tuple[int, int]] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


def post(path: str, headers: Mapping[str, str], content: Any) -> str:
    """Return a request as Load wants it."""
    body = json.dumps(content, separators=(",", ":"))
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json", **headers}
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return f"POST {path} HTTP/1.1\r\n{''.join(lines)}Content-Length: {len(body)}\r\n\r\n{body}"


def send(load: Load) -> Seen:
    """Have a new process send a load; raises AdapterFailed where that went wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.clients"],
        cwd=ROOT,
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        check=False,
        timeout=load.before_seconds + load.seconds + 2 * _ANSWER_SECONDS,
    )
    if done.returncode != 0:
        raise AdapterFailed(f"clients: {(done.stderr.splitlines() or ['they ended'])[-1]}")
    found = json.loads(done.stdout)
    statuses = {int(status): count for status, count in found["statuses"].items()}
    return Seen([(begin, end) for begin, end in found["timed"]], statuses)


def main() -> None:
    """Send what standard input asks for, and tell what was seen."""
    load = Load(**json.load(sys.stdin))
    measured_from = time.monotonic_ns() + int(load.before_seconds * 1e9)
    ends = measured_from + int(load.seconds * 1e9)
    seen = [Seen() for _ in range(load.clients)]
    failed: list[Exception] = []

    def repeat(own: Seen) -> None:
        try:
            _repeat(load, own, measured_from, ends)
        except (OSError, ValueError) as error:
            failed.append(error)

    threads = [threading.Thread(target=repeat, args=[own]) for own in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(f"{type(failed[0]).__name__}: {failed[0]}")
    whole = Seen()
    for own in seen:
        whole.timed += own.timed
        for status, count in own.statuses.items():
            whole.statuses[status] = whole.statuses.get(status, 0) + count
    json.dump(asdict(whole), sys.stdout)


def _repeat(load: Load, seen: Seen, measured_from: int, ends: int) -> None:
    request = load.request.encode("latin-1")
    with (
        create_connection(("127.0.0.1", load.port), timeout=_ANSWER_SECONDS) as connection,
        connection.makefile("rb") as answers,
    ):
        while (begin := time.monotonic_ns()) < ends or not seen.timed:
            connection.sendall(request)
            status = read_answer(answers)
            if begin >= measured_from:
                seen.timed.append((begin, time.monotonic_ns()))
            seen.statuses[status] = seen.statuses.get(status, 0) + 1


def read_answer(answers: IO[bytes]) -> int:
    """Read an answer to its end; return its status. Raises ValueError where it is none."""
    status = int(answers.readline().split()[1])
    length = None
    while line := answers.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if length is None:
        raise ValueError("an answer without its length")
    answers.read(length)
    return status


if __name__ == "__main__":
    main()
