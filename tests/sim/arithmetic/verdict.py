"""What must hold at the end of a schedule, by the truth of books, shops and till."""

from __future__ import annotations

from inventory_sync.domain.external import OrderStatus
from tests.sim.arithmetic.erp import LOCATIONS, LineBooked
from tests.sim.arithmetic.hub import Reading, Version
from tests.sim.arithmetic.oracle import Oracle
from tests.sim.arithmetic.world import World


def truth(world: World) -> Oracle:
    """Return an oracle that has heard everything."""
    oracle = Oracle(world.recipes, world.pools)
    oracle.read(Reading(1, world.clock.now_s, frozenset(world.items), world.erp.snapshot(world.items)))
    for name, shop in world.shops.items():
        for order in shop.orders.values():
            oracle.hear(world.version(name, order), accepted=True, reading=1)
    for sale in world.sales:
        line = ("1", sale.item, sale.item, sale.quantity)
        version = Version("till", sale.order, 0, 1, OrderStatus.COMMITTED, (line,))
        oracle.hear(version, accepted=True, reading=1)
    return oracle


def unsettled(world: World) -> list[str]:
    """Return what an outlet shows that is not what it should show by the truth of books and shops."""
    oracle, wrong = truth(world), []
    for name, lane in world.lanes.items():
        for listing, article in lane.listings.items():
            most = oracle.most(name, article, world.clock.now_s)
            shown = world.shops[name].figures[listing]
            least = most if article not in world.recipes else best_place(world, name, article)
            if most is None or least is None or not least <= shown <= most:
                wrong.append(f"{name} {listing} shows {shown}, right is {most}")
    return wrong


def best_place(world: World, name: str, kit: str) -> int:
    """Return the kits one place could make if everything promised were taken from it: a lower bound."""
    owed = dict.fromkeys(world.recipes[kit], 0)
    for move in world.erp.moves.values():
        if move.item in owed:
            owed[move.item] += max(0, move.demand - sum(move.delivered.values()))
    snapshot = world.erp.snapshot(world.items)
    return max(
        max(
            0,
            min(
                (snapshot.quants.get((item, place), 0) - snapshot.own[item, place] - owed[item]) // number
                for item, number in world.recipes[kit].items()
            ),
        )
        for place in world.pools[name]
    )


def short(world: World) -> dict[str, int]:
    """Return per item what was sold and cannot be delivered."""
    return {
        item: max(
            0,
            sum(move.demand - move.shipped for move in world.erp.moves.values() if move.item == item)
            - sum(max(0, world.erp.shelf[item, place]) for place in LOCATIONS),
        )
        for item in world.items
    }


def depends_on_order(world: World) -> list[str]:
    """Tell a fresh hub the same in another order; return what it knows otherwise."""
    log = list(world.log)
    world.rng.shuffle(log)
    log += [each for each in log if world.rng.random() < 0.2]
    hub = world.make_hub(world.repairs, world.hub.recipes, world.pools)
    hub.readings, now = world.hub.readings, world.clock.now()
    for kind, told, reading in log:
        if kind in ("order", "listed"):
            assert isinstance(told, Version)
            hub.hear(told, now, reading=reading, listed=kind == "listed")
        elif kind == "reading":
            assert isinstance(told, Reading)
            hub.apply(told, now)
        elif kind == "line":
            assert isinstance(told, LineBooked)
            hub.hear_line(told)
    hub.end_holds(now)
    world.hub.end_holds(now)
    for key in sorted({*hub.to_read, *world.hub.to_read}):
        version = world.version(key[0], world.shops[key[0]].orders[int(key[1])])
        for each in (hub, world.hub):
            each.hear(version, now, reading=each.next_reading())
    mine, other = world.hub.meaning(), hub.meaning()
    return [
        f"{'/'.join(key)} is {mine.get(key)}, told otherwise {other.get(key)}"
        for key in sorted(mine.keys() | other.keys())
        if mine.get(key) != other.get(key)
    ]
