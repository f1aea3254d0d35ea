"""Sends settlements and reports: all in one transaction, alone where one of them is at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import psycopg
from pydantic import ValidationError

from app import jobs
from app.jobs import ClaimLost, Status, Success
from worker.database import Connection, Database
from worker.handlers import HandlerSpec
from worker.orders import Taken
from worker.outbox import Entry, Key, Parcel, key_of
from worker.results import ResultInvalid, encode_result
from worker.settle import fail, failed_attempt
from worker.texts import clean, describe

STORE_SENDS = 3

# Classes of SQLSTATE that speak of the server or of other sessions, not of what was written.
_PASSING_CLASSES = ("08", "25", "40", "53", "55", "57", "58")

_STATUSES = {
    "succeed": Status.SUCCEEDED,
    "retry": Status.QUEUED,
    "fail": Status.FAILED,
    "release": Status.QUEUED,
    "abort": Status.CANCELLED,
    "reject": Status.FAILED,
}

ClaimMore = Callable[[Connection], list[Taken]]


class Delivery:
    """Writes parcels, on whatever connection it is given.

    What a parcel says to be sent is committed. Whatever psycopg raises, the rest of it is to be
    delivered again.
    """

    def __init__(
        self,
        *,
        actor: str,
        allowlist: Sequence[str],
        specs: Mapping[str, HandlerSpec],
        random: Callable[[], float],
    ) -> None:
        self._actor = actor
        self._allowlist = allowlist
        self._specs = specs
        self._random = random

    def deliver(
        self, database: Database, parcel: Parcel, claim_more: ClaimMore | None
    ) -> list[Taken]:
        """Write `parcel` and claim more in the same transaction; returns what was claimed."""
        entries = list(parcel.entries)
        entries += [e for e in parcel.storing if not self._deliver_with_store(database, parcel, e)]
        try:
            return self._deliver_together(database, parcel, entries, parcel.ending, claim_more)
        except (psycopg.DataError, psycopg.IntegrityError):
            for entry in entries:
                self._deliver_alone(database, parcel, entry)
            return self._deliver_together(database, parcel, [], [], claim_more)

    def _deliver_together(
        self,
        database: Database,
        parcel: Parcel,
        entries: Sequence[Entry],
        ending: Sequence[int],
        claim_more: ClaimMore | None,
    ) -> list[Taken]:
        taken: list[Taken] = []
        lost: set[Key] = set()
        writes = self._writes(entries)
        if ending:
            writes.append(partial(_close, ending))
        if not writes and claim_more is None:
            return taken
        is_single = len(writes) + (claim_more is not None) == 1
        with database.statement() if is_single else database.transaction() as conn:
            for write in writes:
                lost |= write(conn)
            if claim_more is not None:
                taken = claim_more(conn)
        parcel.has_ended = parcel.has_ended or bool(ending)
        if lost:
            lost = {key for key in lost if not _is_as_written(database, key, entries)}
        parcel.sent += entries
        parcel.lost |= lost
        return taken

    def _deliver_alone(self, database: Database, parcel: Parcel, entry: Entry) -> None:
        """Write one entry; if the database cannot store it, its job fails with that reason."""
        try:
            self._deliver_together(database, parcel, [entry], [], None)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if entry.sending:
                parcel.sent.append(entry)  # lines alone: they are dropped
                return
            entry.reports = ()
            reason = f"result_invalid: the database cannot store it (SQLSTATE {error.sqlstate})"
            entry.settlement = fail(entry.claim, reason)
            self._deliver_together(database, parcel, [entry], [], None)

    def _writes(self, entries: Iterable[Entry]) -> list[Callable[[Connection], set[Key]]]:
        """Return the statements for `entries`: all reports, then each verb once."""
        writes: list[Callable[[Connection], set[Key]]] = []
        reports = [line for entry in entries for line in entry.sending or entry.reports]
        if reports:
            writes.append(lambda conn: _keys(jobs.report(conn, reports, actor=self._actor)))
        by_verb: dict[str, list[Any]] = {}
        for entry in entries:
            if entry.settlement is not None and not entry.sending:
                verb, row = entry.settlement
                by_verb.setdefault(verb, []).append(row)
        writes += [partial(self._run, verb, rows) for verb, rows in by_verb.items()]
        return writes

    def _run(self, verb: str, rows: list[Any], conn: Connection) -> set[Key]:
        """Run one verb for its rows and return the claims that were lost."""
        if verb == "reject":
            rejected = jobs.reject(conn, rows, allowlist=self._allowlist, actor=self._actor)
            return {key_of(row.id, row.claim_seq) for row in rows if row.id not in rejected}
        return _keys(getattr(jobs, verb)(conn, rows, actor=self._actor))

    def _deliver_with_store(self, database: Database, parcel: Parcel, entry: Entry) -> bool:
        """Run the handler's `store` and `succeed` in one transaction: both or neither.

        Returns False where `store` failed: the entry then holds the settlement of that.
        """
        spec, row = self._specs[entry.claim.job_type], entry.settlement and entry.settlement.row
        if not isinstance(row, Success) or spec.store is None or spec.result is None:
            return False
        try:
            with database.transaction() as conn:
                entry.sends += 1
                output = spec.result.model_validate_json(row.result_text or "{}")
                result = spec.store(conn, entry.claim.id, output)
                text = row.result_text if result is None else encode_result(result)
                jobs.report(conn, entry.reports, actor=self._actor)
                for lost in jobs.succeed(
                    conn, [Success(row.id, row.claim_seq, text)], actor=self._actor
                ):
                    raise lost
        except ClaimLost:
            if not _is_as_written(database, entry.key, [entry]):
                parcel.lost.add(entry.key)
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
        parcel.sent.append(entry)
        return True


def _is_as_written(database: Database, key: Key, entries: Iterable[Entry]) -> bool:
    """Say whether a settlement that was sent twice was there from the first time."""
    entry = next(entry for entry in entries if entry.key == key)
    if entry.settlement is None or entry.sending or not entry.is_unsure:
        return False
    with database.statement() as conn:
        job = jobs.get_job(conn, entry.claim.id)
    return (job.claim_seq, job.status) == (entry.claim.claim_seq, _STATUSES[entry.settlement.verb])


def _close(batches: Sequence[int], conn: Connection) -> set[Key]:
    jobs.close_claims(conn, batches)
    return set()


def _keys(lost: Iterable[ClaimLost]) -> set[Key]:
    return {key_of(claim.job_id, claim.claim_seq) for claim in lost}


def _is_passing(error: Exception) -> bool:
    """Say whether the same write may well succeed on the next try."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.Error):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_PASSING_CLASSES)
