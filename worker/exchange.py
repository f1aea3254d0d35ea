"""What is written and what is claimed in one transaction."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from worker.database import Connection, Database
from worker.delivery import Delivery
from worker.identity import Identity
from worker.orders import Order, Taken, carry_out
from worker.outbox import Parcel
from worker.registry import Registry


class Exchange(NamedTuple):
    """A parcel to write and orders to carry out; `turn` counts the exchanges of this runner."""

    parcel: Parcel
    orders: Sequence[Order]
    turn: int
    sent_at: float


class Exchanger:
    """Makes exchanges, on a caller's thread and connection."""

    def __init__(self, registry: Registry, identity: Identity) -> None:
        self._identity = identity
        self._delivery = Delivery(
            actor=identity.actor,
            allowlist=registry.allowlist,
            specs=registry.specs,
            random=random.random,
        )

    def make(self, database: Database, exchange: Exchange) -> list[Taken]:
        """Return what was claimed; the parcel says what of it was committed."""

        def claim_more(conn: Connection) -> list[Taken]:
            return [
                taken
                for order in exchange.orders
                for taken in carry_out(conn, order, identity=self._identity, turn=exchange.turn)
            ]

        more = claim_more if exchange.orders else None
        return self._delivery.deliver(database, exchange.parcel, more)
