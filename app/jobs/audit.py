"""The invariants of the history, each a query whose rows are violations.

Run after every chaos test and by `ops doctor --audit`. Needs nothing but the record and the events,
and holds for every job whose history is not cut short by retention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.db.connection import driver_connection

if TYPE_CHECKING:
    from app.db.connection import AnyConnection

# Kinds that close a claim, and kinds after which a job has a status.
_CLOSERS = (
    "('succeeded', 'failed', 'retry_scheduled', 'released', 'rescued', 'cancelled', 'rejected')"
)
_STEPS = """
  select e.job_id, e.id, e.kind, e.at, e.attempt, e.claim_seq,
         lag(e.kind) over history as before,
         lag(e.at) over history as before_at,
         lag(e.claim_seq) over history as before_claim_seq
    from ops_job_events e
   where e.kind not in ('progress', 'log', 'output', 'cancel_requested')
  window history as (partition by e.job_id order by e.id)
"""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant, with the job it was seen on."""

    invariant: str
    job_id: Any
    detail: str


# invariant: a query of (job_id, detail).
INVARIANTS: dict[str, str] = {
    "no job under two claims": f"""
      with step as ({_STEPS})
      select job_id, 'claimed at event ' || id || ' right after ' || coalesce(before, 'nothing')
        from step
       where kind = 'running'
         and coalesce(before, '') not in ('queued', 'retry_scheduled', 'released', 'rescued',
                                          'requeued')
    """,
    "every claim is closed once": f"""
      select c.job_id, 'claim ' || c.claim_seq || ' has ' || count(e.id) || ' ends'
        from ops_job_events c
        join ops_jobs j on j.id = c.job_id
        left join ops_job_events e
          on e.job_id = c.job_id and e.claim_seq = c.claim_seq and e.id > c.id
         and e.kind in {_CLOSERS}
         and not (e.kind in ('cancelled', 'rejected') and exists (
               select
                 from ops_job_events f
                where f.job_id = c.job_id and f.claim_seq = c.claim_seq
                  and f.id > c.id and f.id < e.id
                  and f.kind in ('retry_scheduled', 'released', 'rescued', 'failed', 'cancelled',
                                 'rejected')
             ))
       where c.kind = 'running'
       group by c.job_id, c.claim_seq, j.status, j.claim_seq
      having count(e.id) <> case
               when j.status = 'running' and j.claim_seq = c.claim_seq then 0 else 1
             end
    """,
    "claims are numbered without a gap": """
      select j.id, 'claim_seq ' || j.claim_seq || ' with ' || count(e.id) || ' claims'
        from ops_jobs j
        left join ops_job_events e on e.job_id = j.id and e.kind = 'running'
       group by j.id
      having count(e.id) <> j.claim_seq
          or coalesce(max(e.claim_seq), 0) <> j.claim_seq
          or count(distinct e.claim_seq) <> j.claim_seq
    """,
    "only the claim that is open is closed": f"""
      with step as ({_STEPS})
      select job_id, kind || ' of claim ' || claim_seq || ' after ' || coalesce(before, 'nothing')
        from step
       where kind in ('succeeded', 'failed', 'retry_scheduled', 'released', 'rescued')
         and (before is distinct from 'running' or before_claim_seq is distinct from claim_seq)
    """,
    "final is final": f"""
      with step as ({_STEPS})
      select job_id, kind || ' after ' || before
        from step
       where (before = 'succeeded' or (before in ('failed', 'cancelled', 'rejected')
                                       and kind <> 'requeued'))
    """,
    "the record agrees with its last event": f"""
      select j.id, 'status ' || j.status || ' after ' || coalesce(last.kind, 'no event')
        from ops_jobs j
        left join lateral (
               select e.kind
                 from ops_job_events e
                where e.job_id = j.id
                  and e.kind not in ('progress', 'log', 'output', 'cancel_requested')
                order by e.id desc
                limit 1
             ) last on true
       where j.status is distinct from case
               when last.kind in ('queued', 'retry_scheduled', 'released', 'requeued') then 'queued'
               when last.kind = 'rescued' and j.status = 'failed' then 'failed'
               when last.kind = 'rescued' then 'queued'
               when last.kind = 'rejected' then 'failed'
               else last.kind
             end
    """,
    "time does not run backwards": f"""
      with step as ({_STEPS})
      select job_id, kind || ' is earlier than ' || before
        from step
       where at < before_at
      union all
      select id, 'created, started and finished out of order'
        from ops_jobs
       where finished_at < started_at
          or finished_at < created_at
    """,
    "attempts are bounded": """
      select id, 'attempt ' || attempt || ' of ' || max_attempts
        from ops_jobs
       where attempt > max_attempts
    """,
    "a claim is never early": """
      select e.job_id, 'claimed before it was due after back-off'
        from ops_job_events e
        join lateral (
               select r.data ->> 'available_at' as due_at
                 from ops_job_events r
                where r.job_id = e.job_id and r.id < e.id and r.kind = 'retry_scheduled'
                order by r.id desc
                limit 1
             ) retry on true
       where e.kind = 'running'
         and e.at < retry.due_at::timestamptz
         and not exists (
               select
                 from ops_job_events b
                where b.job_id = e.job_id and b.id < e.id
                  and b.kind in ('requeued', 'released', 'rescued')
             )
    """,
}


def audit(conn: AnyConnection) -> list[Violation]:
    """Return every violation found in the whole history; reads all of it.

    Both tables are read in one snapshot where the caller's transaction is REPEATABLE READ.
    """
    cursor = driver_connection(conn).cursor()
    found = []
    for invariant, query in INVARIANTS.items():
        for job_id, detail in cursor.execute(query.encode()).fetchall():
            found.append(Violation(invariant, job_id, detail))
    return found
