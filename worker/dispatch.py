"""What becomes of a fresh claim: a run for a slot, or a settlement where it must not run."""

from __future__ import annotations

import random

import psycopg

from app.jobs import Claim
from worker.database import Database
from worker.handlers import HandlerSpec
from worker.payloads import PayloadInvalid, check_size, decode_payload
from worker.registry import Registry
from worker.settle import Settlement, abort, fail, failed_attempt, reject, release
from worker.slots.runs import Run
from worker.texts import clean, describe


class Dispatcher:
    """Checks a claim once more before its handler starts, and fills in its payload."""

    def __init__(self, registry: Registry, *, timeout_seconds: float, memory_bytes: int) -> None:
        """Take the bounds of runs whose job and handler name none; no bytes are no bound."""
        self._allowed = {name: registry.specs[name] for name in registry.allowlist}
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes

    def plan(
        self, database: Database, claim: Claim, expected_seconds: float | None
    ) -> Run | Settlement:
        """Return the run of `claim`, or what to write instead."""
        spec = self._allowed.get(claim.job_type)
        if spec is None:
            return reject(claim)
        if claim.cancel_requested:
            return abort(claim)
        try:
            payload_text = _payload_text(database, claim, spec)
            check_size(payload_text)
        except PayloadInvalid as error:
            return fail(claim, f"payload_invalid: {error}")
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # the connection, not the query
                return release(claim)
            return _load_failed(claim, spec, error)
        except Exception as error:  # noqa: BLE001 - `load` is a handler's code
            return _load_failed(claim, spec, error)
        return Run(
            claim.id,
            claim.claim_seq,
            claim.job_type,
            claim.attempt,
            payload_text,
            claim.timeout_seconds or spec.timeout_seconds or self._timeout_seconds,
            expected_seconds,
            (self._memory_bytes if spec.memory_bytes is None else spec.memory_bytes) or None,
        )


def _payload_text(database: Database, claim: Claim, spec: HandlerSpec) -> str:
    """Return what the slot gets: the payload as it is, or as the handler's `load` makes it."""
    if spec.load is None:
        return claim.payload_text
    payload = decode_payload(spec.payload, claim.payload_text)
    with database.transaction() as conn:
        loaded = spec.load(conn, payload)
    text: str = spec.payload.model_validate(loaded).model_dump_json()
    return text


def _load_failed(claim: Claim, spec: HandlerSpec, error: Exception) -> Settlement:
    reason = clean(f"load failed: {describe(error)}")
    return failed_attempt(claim, spec, reason, random=random.random)
