"""PGQueuer behind FastAPI: what its FastAPI recipe comes to, with a pool of asyncpg."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI  # type: ignore[import-not-found]  # of the peer's environment
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.queries import Queries

from bench.payload import encode
from bench.systems import QUEUE


def create_app(url: str) -> FastAPI:
    """Return an app that enqueues one payload, or a list of them; gunicorn calls it."""
    found: list[Queries] = []

    @asynccontextmanager
    async def connected(_app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(url) as pool:
            found.append(Queries(AsyncpgPoolDriver(pool)))
            yield

    async def create(payload: dict[str, Any]) -> dict[str, Any]:
        ids = await found[0].enqueue(QUEUE, encode(payload).encode())
        return {"id": ids[0]}

    async def create_many(payloads: list[dict[str, Any]]) -> dict[str, Any]:
        encoded: list[Any] = [encode(payload).encode() for payload in payloads]
        count = len(encoded)
        return {"ids": await found[0].enqueue([QUEUE] * count, encoded, [0] * count)}

    app = FastAPI(lifespan=connected)
    app.add_api_route("/jobs", create, methods=["POST"], status_code=201)
    app.add_api_route("/jobs/batch", create_many, methods=["POST"], status_code=201)
    return app
