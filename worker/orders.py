"""What may be claimed now: how many jobs of which types, from which lanes, within which bounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from app import jobs
from app.jobs import Claim, Lane, Limit
from worker.database import Connection
from worker.identity import Identity
from worker.lanes import Lanes, reached
from worker.marks import Marks
from worker.pace import Pace
from worker.registry import Registry
from worker.slots.kinds import Kind

MOST_PER_CLAIM = 1_000


class Order(NamedTuple):
    """A claim for one kind of slot.

    All `places` are for `short` types; jobs of the others may take as many as there are `free`
    slots. It is `only_lanes` where no others are looked for beside those known.
    """

    kind: Kind
    job_types: tuple[str, ...]
    short: frozenset[str]
    free: int
    places: int
    lanes: Sequence[Lane]
    only_lanes: bool
    limits: Sequence[Limit]


class Taken(NamedTuple):
    """What one claim of an order brought, and how long it took."""

    order: Order
    claims: Sequence[Claim]
    is_filled: bool
    seconds: float


class Orders:
    """Makes orders, of which no two are under way at a time. Used by the engine's thread alone.

    `running` counts the held claims by job type, `capacity` the slots by kind. Only for kinds that
    may find something an order is made: for all when it is time to claim, then for those that got
    all they asked for. So a busy kind does not have an idle one ask with it.
    """

    def __init__(
        self,
        registry: Registry,
        pace: Pace,
        *,
        marks: Marks,
        running: Mapping[str, int],
        capacity: Callable[[Kind], int],
    ) -> None:
        self._kinds = registry.kinds
        specs = {job_type: registry.specs[job_type] for job_type in registry.allowlist}
        self.shared_limits = {n: spec.limit for n, spec in specs.items() if spec.limit is not None}
        self.own_limits = {
            name: spec.max_running_here
            for name, spec in specs.items()
            if spec.max_running_here is not None
        }
        self._pace = pace
        self._marks = marks
        self._running = running
        self._capacity = capacity
        self._lanes = {kind: Lanes() for kind in self._kinds}
        self._expecting = set(self._kinds)

    def expect(self) -> None:
        """Note that there may be something for every kind."""
        self._expecting.update(self._kinds)

    def make(self) -> list[Order]:
        """Return what may be claimed now."""
        orders = (self._order(kind) for kind in self._kinds if kind in self._expecting)
        return [order for order in orders if order is not None]

    def begin(self, orders: Sequence[Order]) -> None:
        """Note that these orders are under way."""
        self._expecting.difference_update(order.kind for order in orders)

    def took(self, taken: Sequence[Taken]) -> bool:
        """Learn from what orders brought; returns whether a kind found less than it asked for."""
        for one in taken:
            lanes, has_looked = reached(one.claims), not one.order.only_lanes
            self._marks.reached(lanes)
            if not one.order.lanes:
                self._marks.walked(one.seconds)
            self._lanes[one.order.kind].claimed(
                lanes, has_looked=has_looked, is_filled=one.is_filled, seconds=one.seconds
            )
        self._expecting.update(one.order.kind for one in taken if one.is_filled)
        return not self._expecting.issuperset(one.order.kind for one in taken)

    def exhausted_types(self) -> list[str]:
        """Return the open types of the kinds that would find nothing: a look is for these."""
        kinds = (types for kind, types in self._kinds.items() if kind not in self._expecting)
        return [job_type for types in kinds for job_type in self.open_types(types)]

    def are_limited(self, job_types: Iterable[str]) -> bool:
        """Whether a limit may have held back jobs of one of these types."""
        limits = self.shared_limits.keys() | self.own_limits.keys()
        return bool(limits) and not limits.isdisjoint(job_types)

    def open_types(self, job_types: Sequence[str]) -> tuple[str, ...]:
        """Leave out the types of which this runner has as many as it may."""
        if not self.own_limits:
            return tuple(job_types)
        most, running = self.own_limits, self._running
        return tuple(t for t in job_types if running[t] < most.get(t, running[t] + 1))

    def _order(self, kind: Kind) -> Order | None:
        """Return the order for one kind: a slot at a short run is as good as free."""
        job_types = self._kinds[kind]
        short = self._pace.short(job_types)
        held_short = sum(self._running[job_type] for job_type in short)
        held_long = sum(self._running[job_type] for job_type in job_types) - held_short
        free = self._capacity(kind) - held_long
        places = min(free + self._pace.ahead(short, free) - held_short, MOST_PER_CLAIM)
        open_types = self.open_types(job_types)
        if places <= 0 or not open_types:
            return None
        known, limits = self._lanes[kind].known(), self._limits(open_types)
        lanes, only_lanes = (self._marks.known(), False) if known is None else (known, True)
        return Order(kind, open_types, short, min(free, places), places, lanes, only_lanes, limits)

    def _limits(self, job_types: Sequence[str]) -> list[Limit]:
        """Return the bounds of these types, with what this runner itself has left of them."""
        limits = []
        for job_type in job_types:
            limit = self.shared_limits.get(job_type)
            most = self.own_limits.get(job_type)
            if most is not None:
                limit = limit or Limit(job_type=job_type)
                limit = replace(limit, most_now=most - self._running[job_type])
            if limit is not None:
                limits.append(limit)
        return limits


def carry_out(conn: Connection, order: Order, *, identity: Identity, turn: int) -> list[Taken]:
    """Claim what one order asks for.

    What a claim from the front finds may be long, so it brings no more than there are free slots.
    More than that comes from the lanes that it found, where they are of short types.
    """
    taken: list[Taken] = []
    places = order.places
    short = [lane for lane in order.lanes if order.only_lanes and lane.job_type in order.short]
    if not short or len(short) < len(order.lanes):
        taken.append(_claim_from(conn, order, order.lanes, order.free, identity, turn, ()))
        places -= len(taken[0].claims)
    if short and places > 0:
        before = taken[0].claims if taken else ()
        taken.append(_claim_from(conn, order, short, places, identity, turn, before))
    return taken


def _claim_from(
    conn: Connection,
    order: Order,
    lanes: Sequence[Lane],
    limit: int,
    identity: Identity,
    turn: int,
    before: Sequence[Claim],
) -> Taken:
    begun_at = time.monotonic()
    claims = jobs.claim(
        conn,
        runner_instance=identity.instance,
        actor=identity.actor,
        allowlist=order.job_types,
        limit=limit,
        turn=turn,
        lanes=lanes,
        only_lanes=order.only_lanes,
        limits=_left_over(order.limits, before),
    )
    seconds = time.monotonic() - begun_at
    return Taken(order, claims, len(claims) == limit, seconds)


def _left_over(limits: Sequence[Limit], before: Sequence[Claim]) -> list[Limit]:
    """Take from the runner's own bounds what was claimed before in the same transaction."""
    return [
        limit
        if limit.most_now is None
        else replace(
            limit,
            most_now=limit.most_now - sum(claim.job_type == limit.job_type for claim in before),
        )
        for limit in limits
    ]
