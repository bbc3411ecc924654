"""What a file of policies would change, and whom it would touch, before anything is changed; then apply it.

The blast radius is worked out, not guessed: every figure of the channels concerned is computed with the rules
of the file in place of those in force, from the stock of now, and nothing is saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.availability.compute import work_out
from inventory_sync.availability.micro import maybe_micro, to_micro
from inventory_sync.availability.models import ChannelFigure, Policy
from inventory_sync.availability.policy_files import DEFAULTS, Stated
from inventory_sync.availability.ports import AvailabilityStore, PolicyFacts
from inventory_sync.availability.services import change_policy, remove_policy
from inventory_sync.catalog.models import Item, ItemMapping
from inventory_sync.connections.models import Connection
from inventory_sync.domain.availability import Fallback
from inventory_sync.domain.errors import BadPolicyValue, UnknownPolicyChannel, UnknownPolicyItem

BATCH = 2000
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One policy that would be another: None before is a new one, None after takes it away."""

    connection: Connection
    item: Item | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    version: int
    line: int

    @property
    def subject(self) -> str:
        return f"{self.connection.code} {self.item.sku if self.item else '(all other items)'}"

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Return what differs, field by field: (before, after); None where there is no policy."""
        old, new = self.before or {}, self.after or {}
        names = [name for name in DEFAULTS if old.get(name) != new.get(name)]
        return {name: (old.get(name), new.get(name)) for name in names}


@dataclass(slots=True)
class Blast:
    """How many figures of a channel would be others; examples: (SKU, now, then), the largest falls first."""

    looked_at: int = 0
    rising: int = 0
    falling: int = 0
    to_zero: int = 0
    unknown: int = 0
    examples: list[tuple[str, Decimal | None, Decimal | None]] = field(default_factory=list)

    @property
    def changing(self) -> int:
        return self.rising + self.falling


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes a file asks for, in its order, and what they would do to the figures of each channel."""

    changes: tuple[PolicyChange, ...]
    blast: Mapping[str, Blast]


def compare(stated: Sequence[Stated]) -> list[PolicyChange]:
    """Return what differs from the policies in force; raises with the line what names nobody or no sense."""
    channels = {row.code: row for row in Connection.objects.filter(sells=True)}
    items = {row.sku: row for row in Item.objects.filter(sku__in={each.sku for each in stated} - {""})}
    rows = Policy.objects.filter(connection__code__in={each.channel for each in stated})
    in_force = {(row.connection_id, row.item_id): row for row in rows}
    found = []
    for each in stated:
        connection = channels.get(each.channel)
        if connection is None:
            raise UnknownPolicyChannel(f"No channel is called {each.channel!r}.", line=each.channel_line)
        if each.sku and each.sku not in items:
            raise UnknownPolicyItem(f"No item has the SKU {each.sku!r}.", line=each.line)
        item = items.get(each.sku)
        row = in_force.get((connection.pk, item.pk if item else None))
        before = values_of(row) if row else None
        if each.values is not None:
            _check(connection, item, each)
        if before != each.values:
            version = row.version if row else 0
            found.append(PolicyChange(connection, item, before, each.values, version, each.line))
    return found


def plan(stated: Sequence[Stated], *, store: AvailabilityStore, now: datetime) -> Plan:
    """Return what the file would change; changes nothing."""
    changes = compare(stated)
    by_channel: dict[int, list[PolicyChange]] = {}
    for each in changes:
        by_channel.setdefault(each.connection.pk, []).append(each)
    with transaction.atomic():
        blast = {
            group[0].connection.code: _blast(group, store=store, now=now) for group in by_channel.values()
        }
    return Plan(tuple(changes), blast)


@transaction.atomic
def apply(
    stated: Sequence[Stated], *, actor: audit.Actor, reason: str, now: datetime
) -> tuple[PolicyChange, ...]:
    """Put the policies of the file in force, all or none; what is so already is left alone."""
    Connection.objects.select_for_update(no_key=True).filter(
        code__in={each.channel for each in stated}
    ).order_by("pk").values_list("pk").count()
    changes = compare(stated)
    for each in changes:
        if each.after is not None:
            change_policy(
                actor=actor,
                connection=each.connection,
                item=each.item,
                values=each.after,
                reason=reason,
                now=now,
            )
        else:
            row = Policy.objects.get(connection=each.connection, item=each.item)
            remove_policy(actor=actor, policy=row, reason=reason, now=now)
    return tuple(changes)


def values_of(policy: Policy) -> dict[str, Any]:
    """Return a policy as a file states it."""
    return {name: getattr(policy, name) for name in DEFAULTS}


def facts_of(connection_id: int, item_id: int | None, values: Mapping[str, Any], version: int) -> PolicyFacts:
    """Return stated values as the arithmetic reads them."""
    return PolicyFacts(
        connection_id=connection_id,
        item_id=item_id,
        share=int(values["share_percent"] * 100),
        buffer=to_micro(values["buffer"]),
        buffer_percent=int(values["buffer_percent"] * 100),
        cap=maybe_micro(values["cap"]),
        threshold=to_micro(values["threshold"]),
        safety_stock=to_micro(values["safety_stock"]),
        pack=maybe_micro(values["pack"]),
        fallback=Fallback(values["fallback"]),
        shrink_to=int(values["shrink_percent"] * 100),
        backorder_allowance=to_micro(values["backorder_allowance"]),
        preorder_allowance=to_micro(values["preorder_allowance"]),
        preorder_days=values["preorder_days"],
        version=version,
    )


def _blast(changes: Sequence[PolicyChange], *, store: AvailabilityStore, now: datetime) -> Blast:
    """Work out every figure of the channel with the changes in place."""
    channel = changes[0].connection
    blast = Blast()
    falls: list[tuple[int, str, int | None, int | None]] = []
    items = sorted(_items_of(channel, changes))
    seen: set[str] = set()
    for first in range(0, len(items), BATCH):
        ids = items[first : first + BATCH]
        for sku, then, shown in _figures(ids, channel, changes, store=store, now=now):
            if sku in seen:  # a kit whose components stand in two batches
                continue
            seen.add(sku)
            blast.looked_at += 1
            if then == shown:
                continue
            if then is None:
                blast.unknown += 1
            elif shown is not None and then < shown:
                blast.falling += 1
                blast.to_zero += then == 0
            else:
                blast.rising += 1
            falls.append(((then or 0) - (shown or 0), sku, shown, then))
    falls.sort(key=lambda one: one[:2])
    blast.examples = [(sku, _exact(shown), _exact(then)) for _, sku, shown, then in falls[:EXAMPLES]]
    return blast


def _items_of(channel: Connection, changes: Iterable[PolicyChange]) -> set[int]:
    """Return the items whose figures the changes may touch: those named, or all of the channel."""
    named = {each.item.pk for each in changes if each.item is not None}
    if all(each.item is not None for each in changes):
        return named
    listed = ItemMapping.objects.filter(connection=channel, item__isnull=False).values_list("item_id")
    shown = ChannelFigure.objects.filter(connection=channel).values_list("item_id")
    return named | {item_id for (item_id,) in listed.union(shown)}


def _figures(
    ids: Sequence[int],
    channel: Connection,
    changes: Iterable[PolicyChange],
    *,
    store: AvailabilityStore,
    now: datetime,
) -> Iterator[tuple[str, int | None, int | None]]:
    recipes = {each.kit_id: each for each in store.recipes(ids)}
    targets = {*ids, *recipes}
    parts = {part for recipe in recipes.values() for part, _ in recipe.components}
    landscape = store.landscape(targets | parts, now=now)
    policies = dict(landscape.policies)
    for each in changes:
        key = (channel.pk, each.item.pk if each.item else None)
        if each.after is None:
            policies.pop(key, None)
        else:
            policies[key] = facts_of(*key, each.after, each.version + 1)
    proposed = replace(landscape, policies=policies)
    skus = {item_id: facts.sku for item_id, facts in store.items(targets).items()}
    for worked in work_out(store, targets, recipes=recipes, now=now, landscape=proposed):
        if worked.connection_id == channel.pk:
            old = worked.old
            yield skus[worked.item_id], worked.figure, old.figure if old else None


def _check(connection: Connection, item: Item | None, each: Stated) -> None:
    try:
        Policy(connection=connection, item=item, **(each.values or {})).clean_fields()
    except ValidationError as error:
        name, words = next(iter(error.message_dict.items()))
        raise BadPolicyValue(f"{name}: {words[0]}", line=each.line) from None


def _exact(micro: int | None) -> Decimal | None:
    return None if micro is None else Decimal(micro).scaleb(-6).normalize()
