"""`python -m bench.cold KEY`: a serverless function from nothing to its second answer.

What it is told by its environment is what the platform would; what it saw goes to standard output.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

from bench.job_types import JOB_TYPES
from bench.payload import encode, payload

_PATH = "/api/v1/ops/jobs"

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main(key: str) -> None:
    """Import the function, have it answer twice, and tell when each was done."""
    started_ns = time.monotonic_ns()
    from api.index import app

    imported_ns = time.monotonic_ns()
    statuses = [_create(app, key)]
    first_ns = time.monotonic_ns()
    statuses.append(_create(app, key))
    second_ns = time.monotonic_ns()
    json.dump(
        {
            "started_ns": started_ns,
            "imported_ns": imported_ns,
            "first_ns": first_ns,
            "second_ns": second_ns,
            "statuses": statuses,
            "modules": len(sys.modules),
            "max_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        },
        sys.stdout,
    )


def _create(app: WSGI, key: str) -> str:
    """Have a job made; return the status of the answer."""
    statuses: list[str] = []
    body = encode({"job_type": JOB_TYPES["thread"], "payload": payload(0)}).encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": _PATH,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_OPS_KEY": key,
        "wsgi.input": io.BytesIO(body),
    }
    setup_testing_defaults(environ)
    answer = app(environ, lambda status, _headers: statuses.append(status))
    b"".join(answer)
    if close := getattr(answer, "close", None):
        close()
    return statuses[0]


if __name__ == "__main__":
    main(sys.argv[1])
