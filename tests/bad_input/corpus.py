"""All cases of bad input."""

from __future__ import annotations

from tests.bad_input import addresses, bodies, credentials, fields, protocol
from tests.bad_input.case import Case

GROUPS = (
    addresses.routes,
    addresses.ids,
    addresses.queries,
    bodies.sizes,
    bodies.media_types,
    bodies.syntax,
    bodies.batches,
    fields.fields,
    fields.other_bodies,
    fields.times,
    fields.payloads,
    credentials.keys,
    credentials.cron_secrets,
    protocol.headers,
    protocol.malformed,
)
CASES: list[Case] = [case for group in GROUPS for case in group()]
