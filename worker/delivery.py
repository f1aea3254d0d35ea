"""Sends settlements and reports: all in one transaction, alone where one of them is at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import psycopg
from pydantic import ValidationError

from app import jobs
from app.jobs import Claim, ClaimLost, Success
from worker.database import Connection, Database
from worker.handlers import HandlerSpec
from worker.outbox import Entry, Key, Outbox
from worker.results import ResultInvalid, encode_result
from worker.settle import Settlement, fail, failed_attempt
from worker.texts import clean, describe

STORE_SENDS = 3

# Classes of SQLSTATE that speak of the server or of other sessions, not of what was written.
_PASSING_CLASSES = ("08", "25", "40", "53", "55", "57", "58")

ClaimMore = Callable[[Connection], list[Claim]]


class Delivery:
    """Writes entries of the outbox, each once.

    `on_sent(entry, is_lost)` follows every commit. Whatever psycopg raises, entries without that
    call are to be delivered again.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        actor: str,
        allowlist: Sequence[str],
        specs: Mapping[str, HandlerSpec],
        random: Callable[[], float],
        on_sent: Callable[[Entry, bool], None],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._actor = actor
        self._allowlist = allowlist
        self._specs = specs
        self._random = random
        self._on_sent = on_sent

    def deliver(self, entries: Sequence[Entry], claim_more: ClaimMore | None) -> list[Claim]:
        """Write `entries` and claim more in the same transaction; returns the new claims."""
        together = [entry for entry in entries if not self._stores(entry)]
        storing = [entry for entry in entries if self._stores(entry)]
        together += [entry for entry in storing if not self._deliver_with_store(entry)]
        try:
            return self._deliver_together(together, claim_more)
        except (psycopg.DataError, psycopg.IntegrityError):
            for entry in together:
                self._deliver_alone(entry)
            return self._deliver_together([], claim_more)

    def _deliver_together(
        self, entries: Sequence[Entry], claim_more: ClaimMore | None
    ) -> list[Claim]:
        claims: list[Claim] = []
        lost: set[Key] = set()
        writes = self._writes(entries)
        ending = self._outbox.batches_ending_with(entries)
        if ending:
            writes.append(partial(_close, ending))
        if not writes and claim_more is None:
            return claims
        is_single = len(writes) + (claim_more is not None) == 1
        lend = self._database.statement if is_single else self._database.transaction
        with lend() as conn:
            for write in writes:
                lost |= write(conn)
            if claim_more is not None:
                claims = claim_more(conn)
        self._outbox.forget_batches(ending)
        for entry in entries:
            self._on_sent(entry, entry.key in lost)
        return claims

    def _deliver_alone(self, entry: Entry) -> None:
        """Write one entry; if the database cannot store it, its job fails with that reason."""
        try:
            self._deliver_together([entry], None)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            entry.reports.clear()
            if entry.settlement is None:
                return
            reason = f"result_invalid: the database cannot store it (SQLSTATE {error.sqlstate})"
            entry.settlement = fail(entry.claim, reason)
            self._deliver_together([entry], None)

    def _writes(self, entries: Iterable[Entry]) -> list[Callable[[Connection], set[Key]]]:
        """Return the statements for `entries`: all reports, then each verb once."""
        writes: list[Callable[[Connection], set[Key]]] = []
        reports = [line for entry in entries for line in entry.reports]
        if reports:
            writes.append(lambda conn: _keys(jobs.report(conn, reports, actor=self._actor)))
        by_verb: dict[str, list[Settlement]] = {}
        for entry in entries:
            if entry.settlement is not None:
                by_verb.setdefault(entry.settlement.verb, []).append(entry.settlement)
        for verb, settlements in by_verb.items():
            rows: list[Any] = [settlement.row for settlement in settlements]
            writes.append(partial(self._run, verb, rows))
        return writes

    def _run(self, verb: str, rows: list[Any], conn: Connection) -> set[Key]:
        """Run one verb for its rows and return the claims that were lost."""
        if verb == "reject":
            rejected = jobs.reject(conn, rows, allowlist=self._allowlist, actor=self._actor)
            return {(row.id, row.claim_seq) for row in rows if row.id not in rejected}
        return _keys(getattr(jobs, verb)(conn, rows, actor=self._actor))

    def _stores(self, entry: Entry) -> bool:
        spec = self._specs.get(entry.claim.job_type)
        is_success = entry.settlement is not None and entry.settlement.verb == "succeed"
        return is_success and spec is not None and spec.store is not None

    def _deliver_with_store(self, entry: Entry) -> bool:
        """Run the handler's `store` and `succeed` in one transaction: both or neither.

        Returns False where `store` failed: the entry then holds the settlement of that.
        """
        spec, row = self._specs[entry.claim.job_type], entry.settlement and entry.settlement.row
        if not isinstance(row, Success) or spec.store is None or spec.result is None:
            return False
        try:
            with self._database.transaction() as conn:
                entry.sends += 1
                output = spec.result.model_validate_json(row.result_text or "{}")
                result = spec.store(conn, entry.claim.id, output)
                text = row.result_text if result is None else encode_result(result)
                jobs.report(conn, entry.reports, actor=self._actor)
                for lost in jobs.succeed(
                    conn, [Success(row.id, row.claim_seq, text)], actor=self._actor
                ):
                    raise lost
                ending = self._outbox.batches_ending_with([entry])
                if ending:
                    jobs.close_claims(conn, ending)
        except ClaimLost:
            self._on_sent(entry, True)
        except (ResultInvalid, ValidationError) as error:
            entry.settlement = fail(entry.claim, clean(f"result_invalid: {error}"))
            return False
        except Exception as error:
            if _is_passing(error) and entry.sends < STORE_SENDS:
                raise
            entry.settlement = failed_attempt(
                entry.claim, spec, f"store failed: {describe(error)}", random=self._random
            )
            return False
        else:
            self._outbox.forget_batches(ending)
            self._on_sent(entry, False)
        return True


def _close(batches: list[int], conn: Connection) -> set[Key]:
    jobs.close_claims(conn, batches)
    return set()


def _keys(lost: Iterable[ClaimLost]) -> set[Key]:
    return {(claim.job_id, claim.claim_seq) for claim in lost}


def _is_passing(error: Exception) -> bool:
    """Say whether the same write may well succeed on the next try."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.Error):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_PASSING_CLASSES)
