"""What a channel could promise of an item for a later date, by what the ledger has announced. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from inventory_sync.availability.micro import exact
from inventory_sync.availability.ports import AvailabilityStore
from inventory_sync.availability.steps import compact, rows_of
from inventory_sync.availability.terms import Terms
from inventory_sync.domain.availability import Availability, LocationTerms, available
from inventory_sync.domain.kits import KitComponent, available_kits
from inventory_sync.domain.promise import Expectation, available_to_promise, with_incoming

HORIZON = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Promised:
    """What may be promised for a date: figure None is unknown, steps add up to it.

    limited_at: the moment whose stock limits it, later than asked for if something leaves after that.
    """

    figure: Decimal | None
    limited_at: datetime
    unknown: tuple[str, ...]
    steps: tuple[dict[str, Any], ...]


def promise_for(
    connection_id: int, item_id: int, date: datetime, *, store: AvailabilityStore, now: datetime
) -> Promised | None:
    """Return what a channel may promise of an item or kit for a date; None where no such channel is known.

    The channel's policy applies as it does today, but that nothing is sold ahead: what comes in by then is
    counted as there.
    """
    recipe = next((each for each in store.recipes([item_id]) if each.kit_id == item_id), None)
    parts = [part for part, _ in recipe.components] if recipe else [item_id]
    involved = {item_id, *parts}
    landscape = store.landscape(involved, now=now)
    channel = landscape.channels.get(connection_id)
    if channel is None:
        return None
    items = store.items(involved)
    terms = Terms(items=items, landscape=landscape, stock=store.stock(involved), now=now)
    policy, pool = terms.policy_terms(channel, item_id), terms.pool(channel)
    missing = () if (connection_id, item_id) in store.offered([item_id]) else ("mapping",)
    places = {part: terms.locations(channel, part) for part in parts}
    coming: dict[int, list[Expectation]] = {part: [] for part in parts}
    for each in store.expected(parts, now=now, until=now + HORIZON):
        place = landscape.places[each.location_id].code
        coming[each.item_id].append(Expectation(place, exact(each.quantity), each.due_at))

    def by(moment: datetime, part: int) -> tuple[LocationTerms, ...]:
        return tuple(with_incoming(places[part], coming[part], now=now, by=moment))

    def work_out(moment: datetime) -> Availability:
        if recipe is None:
            return available(
                by(moment, item_id),
                policy,
                pool=pool,
                channel=channel.code,
                allotments=terms.allotments(item_id),
                missing=missing,
            )
        return available_kits(
            [
                KitComponent(items[part].sku, exact(per_kit), by(moment, part), terms.allotments(part))
                for part, per_kit in recipe.components
            ],
            policy,
            pool=pool,
            pooled=recipe.pooled,
            channel=channel.code,
            allotments=terms.allotments(item_id),
            missing=missing,
        )

    due = [each.due_at for part in parts for each in coming[part]]
    promise = available_to_promise(date, now=now, due=due, work_out=work_out)
    result, sku = promise.available, items[item_id].sku
    version = policy_row.version if (policy_row := terms.policy(channel, item_id)) else 0
    rows = rows_of(
        compact(result.steps, sku=sku, level_version=terms.level_version),
        compact(result.basis, sku=sku, level_version=terms.level_version),
        policy_version=version,
    )
    return Promised(result.figure, promise.limited_at, result.unknown, tuple(rows))
