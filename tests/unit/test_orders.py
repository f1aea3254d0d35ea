"""For which kinds of slot something is claimed, and for which a look is made instead."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pydantic import BaseModel

from worker.handlers import HandlerSpec, SlotName
from worker.marks import Marks
from worker.orders import Order, Orders, Taken
from worker.pace import Pace
from worker.registry import Registry
from worker.slots.kinds import Kind


def spec(name: str, slot: SlotName) -> HandlerSpec:
    return HandlerSpec(name, print, BaseModel, None, None, None, None, None, slot=slot)


SPECS = {"busy": spec("busy", "thread"), "idle": spec("idle", "process")}


class Slots:
    """Slots of both kinds, as many as a test says."""

    def __init__(self) -> None:
        self.capacity = {Kind.THREAD: 4, Kind.PROCESS: 2}
        self.running: Counter[str] = Counter()


@pytest.fixture
def slots() -> Slots:
    return Slots()


@pytest.fixture
def orders(slots: Slots) -> Orders:
    registry = Registry(SPECS, tuple(SPECS), {}, ())
    return Orders(
        registry,
        Pace(),
        marks=Marks(longest_rest_seconds=300),
        running=slots.running,
        capacity=lambda kind: slots.capacity[kind],
    )


def kinds(orders: list[Order]) -> set[Kind]:
    return {order.kind for order in orders}


def carry_out(orders: Orders, *filled: Kind) -> bool:
    """Have all orders come back, those of `filled` kinds with all that they asked for."""
    made = orders.make()
    orders.begin(made)
    return orders.took([taken(order, order.kind in filled) for order in made])


def taken(order: Order, is_filled: bool) -> Taken:
    claims: list[Any] = []
    return Taken(order, claims, is_filled, 0.001)


def test_at_first_there_may_be_something_for_every_kind(orders: Orders) -> None:
    assert kinds(orders.make()) == {Kind.THREAD, Kind.PROCESS}
    assert orders.exhausted_types() == []


def test_a_busy_kind_does_not_have_an_idle_one_ask_with_it(orders: Orders) -> None:
    assert carry_out(orders, Kind.THREAD)
    assert kinds(orders.make()) == {Kind.THREAD}
    assert orders.exhausted_types() == ["idle"]
    assert not carry_out(orders, Kind.THREAD)
    orders.expect()
    assert kinds(orders.make()) == {Kind.THREAD, Kind.PROCESS}


def test_a_kind_without_a_free_slot_is_asked_for_as_soon_as_there_is_one(
    orders: Orders, slots: Slots
) -> None:
    slots.running["busy"] = 4
    assert carry_out(orders)
    assert orders.make() == []
    assert orders.exhausted_types() == ["idle"]
    slots.running["busy"] = 3
    (order,) = orders.make()
    assert (order.kind, order.free, order.places) == (Kind.THREAD, 1, 1)


def test_what_is_expected_while_a_claim_is_under_way_is_asked_for_again(orders: Orders) -> None:
    made = orders.make()
    orders.begin(made)
    orders.expect()
    assert not orders.took([taken(order, False) for order in made])
    assert kinds(orders.make()) == {Kind.THREAD, Kind.PROCESS}
