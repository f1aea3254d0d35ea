"""A handler with `load` and `store`, on tables that the test makes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from pydantic import BaseModel, ConfigDict

from worker.context import JobContext
from worker.handlers import handler

Conn = psycopg.Connection[Any]


class Noted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    claim_seq: int
    word: str


class ToNote(BaseModel):
    model_config = ConfigDict(extra="forbid")

    how: str = ""
    words: list[str] = []


def load(conn: Conn, payload: ToNote) -> ToNote:
    """Take the words from the database; the handler has none."""
    if payload.how == "load_fails":
        raise LookupError("no words for you")
    rows = conn.execute("select word from words order by word").fetchall()
    return payload.model_copy(update={"words": [word for (word,) in rows]})


def store(conn: Conn, job_id: UUID, output: Noted) -> dict[str, Any]:
    conn.execute(
        "insert into notes (job_id, claim_seq, word) values (%s, %s, %s)",
        [job_id, output.claim_seq, output.word],
    )
    if output.word == "store_fails":
        raise RuntimeError("changed my mind")
    if output.word == "store_breaks_a_rule":
        conn.execute("insert into notes (job_id, claim_seq, word) values (null, 0, '')")
    return {"stored": output.word}


@handler("note", max_attempts=1, load=load, store=store)
def note(job: JobContext, payload: ToNote) -> Noted:
    if payload.how == "slow" and job.claim_seq == 1:
        job.sleep(1)
    if payload.how.startswith("store_"):
        return Noted(claim_seq=job.claim_seq, word=payload.how)
    return Noted(claim_seq=job.claim_seq, word=" ".join(payload.words))
