"""`ops serve`: the control plane under gunicorn, for machines that are not serverless."""

from __future__ import annotations

import sys
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from app.cli.chosen import given, load_settings
from app.cli.ports import require_free

# Requests are short (a statement or two, and a wake-up of at most 10 s): a request that takes
# longer than the worker's timeout is lost anyway.
_SETTINGS = {
    "worker_class": "app.cli.http_worker.ControlPlaneWorker",
    "keepalive": 15,
    "timeout": 60,
    "graceful_timeout": 15,
    "control_socket_disable": True,  # one path per user: a second server would take it over
    "accesslog": None,  # the app logs each request itself, without its query
    "errorlog": "-",
}


class _ControlPlane(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in {**_SETTINGS, **self.settings}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from api.index import app

        return app


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--threads", default=8, show_default=True, type=click.IntRange(1), help="In each.")
def serve_command(host: str, port: int, workers: int, threads: int) -> None:
    """Run the control plane under gunicorn.

    It is meant to sit behind a reverse proxy that speaks TLS.
    """
    settings = load_settings("control_plane", given())
    require_free(port, host=host, purpose="the control plane", option="--port")
    sys.argv[1:] = []  # gunicorn shows it as the name of its processes
    _ControlPlane(
        bind=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        workers=workers,
        threads=threads,
        loglevel=settings.log_level.lower(),
    ).run()
