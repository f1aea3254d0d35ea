"""Jobs that finished long ago, laid as rows: what a table holds after weeks."""

from __future__ import annotations

import psycopg

from bench.payload import encode, payload
from bench.raw import RESULT
from bench.server import Database

QUEUE = "history"
JOB_TYPES = 8
_FAILED_OF = 50  # every so manieth job failed

# An id is of the time at which its job was made, as the sweep expects.
_LAY = """
    with made as (
      insert into ops_jobs (
               id, job_type, queue, payload, status, ready, attempt, claim_seq, result, error,
               runner_instance, tags, created_at, available_at, started_at, finished_at, updated_at
             )
      select uuidv7(at - now()), 'job_' || n %% %(job_types)s, %(queue)s, %(payload)s::jsonb,
             status, false, 1, 1, case when status = 'succeeded' then %(result)s::jsonb end,
             case when status = 'failed' then 'it was not to be' end,
             gen_random_uuid(), case when n %% 10 = 0 then array['tenth'] else '{}'::text[] end,
             at, at, at + interval '10 ms', at + interval '20 ms', at + interval '20 ms'
        from (
               select n,
                      case when n %% %(failed_of)s = 0 then 'failed' else 'succeeded' end as status,
                      now() - make_interval(
                        secs => %(newest)s + (%(rows)s - n) * %(spread)s::float8 / %(rows)s
                      ) as at
                 from generate_series(1, %(rows)s) n
             ) job
      returning id, status, created_at
    )
    insert into ops_job_events (job_id, kind, at, actor, attempt, claim_seq, message)
    select id, kind, created_at + place * interval '10 ms', 'runner:bench', 1, 1,
           case when kind = 'failed' then 'it was not to be' end
      from made
     cross join unnest(array['queued', 'running', status]) with ordinality as event (kind, place)
"""


def lay(database: Database, rows: int, *, newest_seconds: float, spread_seconds: float) -> None:
    """Lay finished jobs with their events: the newest that long ago, the others spread before."""
    with psycopg.connect(database.observer_url, autocommit=True) as connection:
        connection.execute(
            _LAY,
            {
                "rows": rows,
                "queue": QUEUE,
                "job_types": JOB_TYPES,
                "failed_of": _FAILED_OF,
                "payload": encode(payload(0)),
                "result": RESULT,
                "newest": newest_seconds,
                "spread": spread_seconds,
            },
        )
