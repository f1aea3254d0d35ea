"""Real control planes for tests, over a socket: in a thread of the test, or under gunicorn."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from app.cli.ports import free_ports
from app.web.plane import EXTENSION
from tests.control_plane import KEY, make_app
from tests.processes import RealProcess, process
from tests.witness import CANARY


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an app in a thread; yield its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def control_plane(database_url: str, **changes: Any) -> Iterator[str]:
    """Serve the control plane in a thread; `changes` are settings; yield its address."""
    app = make_app(database_url, **changes)
    with served(app) as url:
        yield url
    app.extensions[EXTENSION].engine.dispose()


@dataclass(frozen=True)
class Plane:
    """The control plane under gunicorn."""

    process: RealProcess
    port: int


@contextmanager
def under_gunicorn(
    database_url: str,
    *,
    command: Sequence[str] = ("-m", "app.cli"),
    workers: int = 1,
    **variables: str,
) -> Iterator[Plane]:
    """Run `ops serve`, whose API takes KEY, from when it answers; `variables` by their names."""
    (port,) = free_ports(1)
    environment = {
        "APP_ENV": "testing",
        "DATABASE_URL": database_url,
        "SECRET_KEY": f"{CANARY}-secret-key",
        "OPS_API_KEY": KEY,
        "PATH": "/usr/bin:/bin",
        **variables,
    }
    arguments = [*command, "serve", "--port", str(port), "--workers", str(workers)]
    with process(arguments, environment) as started:
        started.wait_for_line("Listening at", timeout=30)
        started.wait_for_line("Booting worker")
        yield Plane(started, port)
