"""PGQueuer behind Flask: what its Flask recipe comes to, with a connection a thread kept open."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
from flask import Flask, request
from pgqueuer.db import SyncPsycopgDriver
from pgqueuer.queries import SyncQueries

from bench.payload import encode
from bench.systems import QUEUE


def create_app(url: str) -> Flask:
    """Return an app that enqueues one payload, or a list of them; gunicorn calls it."""
    app = Flask(__name__)
    own = threading.local()

    def queries() -> SyncQueries:
        if not hasattr(own, "queries"):
            connection = psycopg.connect(url, autocommit=True)
            own.queries = SyncQueries(SyncPsycopgDriver(connection))
        found: SyncQueries = own.queries
        return found

    def create() -> tuple[dict[str, Any], int]:
        ids = queries().enqueue(QUEUE, encode(request.get_json()).encode())
        return {"id": ids[0]}, 201

    def create_many() -> tuple[dict[str, Any], int]:
        payloads: list[Any] = [encode(payload).encode() for payload in request.get_json()]
        ids = queries().enqueue([QUEUE] * len(payloads), payloads, [0] * len(payloads))
        return {"ids": ids}, 201

    app.add_url_rule("/jobs", view_func=create, methods=["POST"])
    app.add_url_rule("/jobs/batch", view_func=create_many, methods=["POST"])
    return app
