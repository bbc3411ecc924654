"""What must hold, said a second time and simply: during the run at every commit, and at its end.

Reads the stores' rows and the truth of shop and till; shares no arithmetic with what it checks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger.types import EventKind
from tests.sim.shop import COMMITTED, SHIPPED, UNPAID
from tests.sim.stores.ledger import VIRTUAL
from tests.sim.world import LOCATIONS, POOL, Article, World

SUBTRACTED = {
    LineStatus.HELD,
    LineStatus.COMMITTED,
    LineStatus.ACKNOWLEDGED,
    LineStatus.PICKED,
    LineStatus.SHIPPED_AWAITING_BOOKS,
    LineStatus.BACKORDERED,
}


@dataclass(frozen=True, slots=True)
class Aimed:
    """What was known when a write was decided: the figure read, when, and the newest stamp of each order.

    comparable: the figure was aimed at before, and nobody typed another over it since: a sale is a fall.
    """

    read: Decimal | None
    read_at_s: float
    comparable: bool
    stamps: dict[int, int]


class Watch:
    """Looks at every commit: no flight may aim at a figure the hub's own knowledge contradicts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._aims: dict[int, tuple[int, str]] = {}
        self.violations: list[str] = []
        self.aimed: dict[str, Aimed] = {}
        self._read_before_s: dict[str, float] = {}
        self.aims = 0
        world.hub.database.on_commit.append(self.look)

    def look(self) -> None:
        for number, each in self._world.hub.lane_tables.listings.items():
            flight = each.row.state.in_flight
            if flight is None or flight.aim is None:
                continue
            mark = (flight.token, flight.aim.write_key)
            if self._aims.get(number) == mark:
                continue
            self._aims[number] = mark
            self.aims += 1
            article = self._world.article(each.row.ref.external_id)
            shop, before_s = self._world.shop, self._read_before_s.get(article.ref)
            read_at_s = shop.read_at_s.get(article.ref, 0.0)
            self.aimed[flight.aim.write_key] = Aimed(
                each.row.state.observed,
                read_at_s,
                before_s is not None and shop.typed_at_s.get(article.ref, -1.0) < before_s,
                {int(ref): order.stamp for (_, ref), order in self._world.hub.ledger.tables.orders.items()},
            )
            self._read_before_s[article.ref] = read_at_s
            known = known_figure(self._world, article)
            if known is None or flight.aim.figure != known:
                self._say(f"{article.ref} is aimed at {flight.aim.figure}; what is known allows {known}")

    def _say(self, text: str) -> None:
        self.violations.append(f"at {self._world.scheduler.now_s:.3f}: {text}")
        self._world.scheduler.say(f"VIOLATION {text}")


def written_over(world: World, watch: Watch) -> list[str]:
    """Return the sales that stood in the figure a flight had read, and that its write undid unseen.

    Where somebody typed a higher figure and a piece was sold before it was read, nobody can tell. Nor where a
    sale was made after the reading and shown by the pull while one from before was still hidden: it seems to
    be the piece that is missing, until the next pull (decision 0006).
    """
    found = []
    for landed in world.shop.landed:
        aimed = watch.aimed[landed.key]
        unseen = [
            sale
            for sale in world.shop.sales
            if sale.ref == landed.ref
            and sale.at_s <= aimed.read_at_s
            and sale.stamp > aimed.stamps.get(sale.order_id, -1)
            and not world.shop.orders[sale.order_id].gone
        ]
        seems = [
            sale
            for sale in world.shop.sales
            if sale.ref == landed.ref
            and sale.quantity > 0
            and sale.at_s > aimed.read_at_s
            and sale.stamp <= aimed.stamps.get(sale.order_id, -1)
        ]
        lost = sum(sale.quantity for sale in unseen) - sum(sale.quantity for sale in seems)
        raised = aimed.read is not None and landed.figure > aimed.read
        if lost > 0 and raised and aimed.comparable and not landed.late:
            orders = [sale.order_id for sale in unseen]
            found.append(f"{landed.ref}={landed.figure} at {landed.at_s:.3f} wrote over {orders}")
    return found


def known_figure(world: World, article: Article) -> Decimal | None:
    """Return what the hub's applied knowledge allows the shop to show of an article; None: nothing."""
    tables = world.hub.ledger.tables
    effective = [row.recorded.event for row in tables.events.values() if row.effective]
    total = Decimal(0)
    for code in LOCATIONS:
        place = world.location_id(code)
        here = [each for each in effective if (each.item_id, each.location_id) == (article.id, place)]
        counts = [each for each in here if each.kind is EventKind.COUNT]
        newest = max(counts, key=lambda each: each.sequence or 0, default=None)
        deltas = [each for each in here if each.kind is EventKind.DELTA]
        on_hand = newest.quantity if newest else Decimal(0)
        on_hand += sum(
            each.quantity
            for each in deltas
            if newest is None or (each.sequence or 0) > (newest.sequence or 0)
        )
        if code in POOL and newest is None and not tables.places[place].complete:
            return None
        owed = Decimal(0)
        for (_, ref), order in tables.orders.items():
            for name, line in order.lines.items():
                if line.status not in SUBTRACTED:
                    continue
                shipped = -sum(
                    each.quantity
                    for each in deltas
                    if each.fulfils and (each.fulfils.order_ref, each.fulfils.line_ref) == (ref, name)
                )
                promised = sum(
                    each.demand
                    for each in line.allocations
                    if (int(each.item), int(each.location)) == (article.id, place)
                )
                owed += max(Decimal(0), promised - shipped)
        free = on_hand - owed
        if code in POOL:
            total += max(Decimal(0), free)
        total -= min(max(Decimal(0), -free), owed)
    return max(Decimal(0), total - world.buffer) // article.pack


def wanted_figure(world: World, article: Article, still_open: dict[tuple[int, str], int]) -> int | None:
    """Return what the shop should show by the truth of shop and till alone; None: nobody can know."""
    for code in POOL:
        known = (article.item, code) in world.till.counted
        if not known and not world.hub.ledger.tables.places[world.location_id(code)].complete:
            return None
    shelf = sum(world.till.has(article.item, code) for code in POOL)
    demand = sum(
        due
        for (number, name), due in still_open.items()
        if world.shop.orders[number].lines[name].ref == article.ref
    )
    return max(0, shelf - demand - world.buffer) // article.pack


def true_open(world: World) -> dict[tuple[int, str], int]:
    """Return what each order line still has to get, in base units; lines of unmapped articles too."""
    now = world.scheduler.now_s
    shipped: Counter[tuple[str, str]] = Counter()
    for entry in world.till.journal:
        if entry.fulfils:
            shipped[entry.fulfils] -= entry.quantity
    found = {}
    for order in world.shop.orders.values():
        held = order.status == UNPAID and now < order.placed_s + order.hold_minutes * 60
        if order.gone or not (held or order.status in (COMMITTED, SHIPPED)):
            continue
        for name, line in order.lines.items():
            due = line.quantity * world.article(line.ref).pack - shipped[str(order.id), name]
            if due > 0:
                found[order.id, name] = due
    return found


def check_end(world: World) -> list[str]:
    """Return every broken promise at the end of a run."""
    return [
        *_books(world),
        *_events(world),
        *_demand(world),
        *_figures(world),
        *_deliveries(world),
        *_writes(world),
        *_calls(world),
        *_people(world),
    ]


def _books(world: World) -> list[str]:
    wrong = []
    tables = world.hub.ledger.tables
    for article in world.articles:
        for code in LOCATIONS:
            key = (article.id, world.location_id(code))
            level = tables.levels.get(key)
            held = level.on_hand if level else Decimal(0)
            true = world.till.has(article.item, code)
            if held != true:
                wrong.append(f"{article.item} at {code}: the ledger holds {held}, the till {true}")
            moved = sum(
                each.quantity * ((each.destination_id == key[1]) - (each.source_id == key[1]))
                for each in tables.movements
                if each.item_id == article.id
            )
            if moved != held:
                wrong.append(f"{article.item} at {code}: movements add up to {moved}, on hand is {held}")
    virtual = set(VIRTUAL.values())
    wrong += [
        f"movement {each} is not between a place and a counterpart"
        for each in tables.movements
        if (each.source_id in virtual) == (each.destination_id in virtual)
    ]
    return wrong


def _events(world: World) -> list[str]:
    kept = {
        (key, revision): row
        for (_, key, revision), row in world.hub.ledger.tables.events.items()
        if row.effective
    }
    truth = {(f"entry:{each.number}", each.revision): each for each in world.till.journal}
    wrong = [f"{name} never arrived" for name in truth.keys() - kept.keys()]
    wrong += [f"{name} counts and is not true" for name in kept.keys() - truth.keys()]
    wrong += [
        f"{name} says {kept[name].recorded.event.quantity}, true is {truth[name].quantity}"
        for name in truth.keys() & kept.keys()
        if kept[name].recorded.event.quantity != truth[name].quantity
    ]
    return sorted(wrong)


def _demand(world: World) -> list[str]:
    unmapped = {each.ref for each in world.unmapped}
    truth = {
        (number, name): due
        for (number, name), due in true_open(world).items()
        if world.shop.orders[number].lines[name].ref not in unmapped
    }
    held: dict[tuple[int, str], Decimal] = {}
    for (_, ref), order in world.hub.ledger.tables.orders.items():
        for name, line in order.lines.items():
            due = sum((each.open for each in line.allocations), Decimal(0))
            if due:
                held[int(ref), name] = due
    return [
        f"order {number} line {name}: {held.get((number, name), 0)} open at the hub, "
        f"{truth.get((number, name), 0)} in truth"
        for number, name in sorted(truth.keys() | held.keys())
        if truth.get((number, name), 0) != held.get((number, name), 0)
    ]


def _figures(world: World) -> list[str]:
    wrong = []
    still_open = true_open(world)
    for each in world.hub.lane_tables.listings.values():
        article = world.article(each.row.ref.external_id)
        wanted, shown = wanted_figure(world, article, still_open), world.shop.figures[article.ref]
        state = each.row.state
        if wanted is None:
            if state.desired is not None:
                wrong.append(f"{article.ref} is unknown and yet wanted to be {state.desired}")
            if any(landed.ref == article.ref for landed in world.shop.landed):
                wrong.append(f"{article.ref} is unknown and yet was written")
            continue
        if shown != wanted:
            wrong.append(f"{article.ref} shows {shown}, right is {wanted}")
        if not state.is_settled:
            wrong.append(f"{article.ref} is not settled: {state}")
    mapped = {each.row.ref.external_id for each in world.hub.lane_tables.listings.values()}
    wrong += [f"{each.ref} was written unmapped" for each in world.shop.landed if each.ref not in mapped]
    return wrong


def _deliveries(world: World) -> list[str]:
    kept = world.bodies_kept()
    wrong = [f"acknowledged and lost: {each}" for each in world.acknowledged if each not in kept]
    tables = world.hub.intake.tables
    junk = ("order.killer",)
    for row in tables.deliveries.values():
        poisoned = b"poison-" in row.new.body
        if row.state == "pending":
            wrong.append(f"delivery {row.id} still waits")
        elif (row.new.topic in junk or poisoned) != (row.error_code == "delivery.poisoned"):
            wrong.append(f"delivery {row.id} ({row.new.topic}) ended as {row.state} {row.error_code}")
        elif row.state == "parked" and not poisoned:
            waits = {parked.line.waits_on for (n, _), parked in tables.parked.items() if n == row.id}
            if not waits & {f"item:{each.ref}" for each in world.unmapped} and row.new.topic not in junk:
                wrong.append(f"delivery {row.id} is parked for {waits}")
    return wrong


def _writes(world: World) -> list[str]:
    """An older write never lands after a newer one, unless it was late; each sent figure is whole."""
    wrong = []
    newest: dict[str, int] = {}
    for landed in world.shop.landed:
        nth = int(landed.key.rpartition(":")[2])
        if not landed.late and nth < newest.get(landed.ref, 0):
            wrong.append(f"{landed.ref}={landed.figure} landed at {landed.at_s:.3f} after a newer write")
        newest[landed.ref] = max(nth, newest.get(landed.ref, 0))
    return wrong


def _calls(world: World) -> list[str]:
    """In no span of time are more calls made than the shop allows: its burst, and what came back since."""
    made, wrong = world.shop_wire.admitted_s, []
    for first, start in enumerate(made):
        for nth, at in enumerate(made[first : first + world.burst * 3], start=1):
            allowed = world.burst + world.calls_per_s * (at - start) + 1
            if nth > allowed:
                wrong.append(f"{nth} calls between {start:.3f} and {at:.3f}")
                break
    return wrong[:1]


def _people(world: World) -> list[str]:
    wrong = [f"misconfigured: {why}" for why in world.hub.misconfigured]
    wrong += world.hub.trespasses
    wrong += [f"{name} failed: {error!r}" for name, error in world.scheduler.failures]
    waits = world.hub.intake.waiting()
    owned = world.hub.cases.open_cases
    for (kind, subject, code), summary in owned.items():
        expected = code in ("delivery.poisoned", "order.closed_short") or (kind, subject, code) in waits
        if not expected:
            wrong.append(f"a case is open: {kind} {subject} {code}: {summary}")
    return wrong + [f"a line waits and nobody owns it: {each}" for each in waits - set(owned)]
