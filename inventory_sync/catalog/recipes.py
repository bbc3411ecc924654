"""What kits are made of, version by version: audited, and from a date on if staff say so.

A new version counts for new order lines; lines that were sold before keep the recipe they were sold with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max, Q

from inventory_sync.audit import services as audit
from inventory_sync.cases import services as cases
from inventory_sync.catalog.models import Item, KitComponent, KitRecipe
from inventory_sync.catalog.services import Effect
from inventory_sync.domain.errors import KitContainsItself
from inventory_sync.domain.reports import plain
from inventory_sync.support.clock import utc_now
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

CLOCK = "the clock"


def set_components(
    kit: Item,
    components: Mapping[int, Decimal],
    *,
    actor: audit.Actor,
    reason: str,
    valid_from: datetime | None = None,
    now: datetime | None = None,
) -> Effect:
    """Make `components` the recipe of the kit: item id → base units of it in one kit.

    Each change is a version. With a later valid_from it is kept, and comes into force then (apply_due).
    """
    now = now or utc_now()
    with transaction.atomic():
        # The components too: none of them may become a kit while it is put into one.
        list(Item.objects.select_for_update().filter(pk__in={kit.pk, *components}).order_by("pk"))
        kit = Item.objects.get(pk=kit.pk)
        _check(kit, components)
        if valid_from is not None and valid_from > now:
            row = _keep(kit, components, valid_from, actor=actor, reason=reason)
            audit.record_created(row, actor=actor, action="kit.recipe_announced", reason=reason)
            return Effect()
        if _apply(kit, components, actor=actor, reason=reason):
            row = _keep(kit, components, now, actor=actor, reason=reason)
            _in_force(kit, row, actor=actor, reason=reason, now=now)
    return Effect(items=frozenset({kit.pk}))


def apply_due(*, now: datetime) -> Effect:
    """Put announced recipes in force whose time has come; the latest of a kit's wins.

    One that cannot be put in force stays announced and becomes a case, which closes when the kit gets a
    recipe after all: others must not wait for it.
    """
    current = Q(valid_from__gt=F("kit__since")) | Q(kit__since__isnull=True)
    since = Max("kit__recipes__valid_from", filter=Q(kit__recipes__version=F("kit__recipe_version")))
    rows = KitRecipe.objects.filter(valid_from__lte=now).exclude(version=F("kit__recipe_version"))
    due = rows.annotate(kit__since=since).filter(current).order_by("kit_id", "-valid_from", "-version")
    effect, done = Effect(), set()
    for row in due.select_related("kit"):
        if row.kit_id in done:
            continue
        done.add(row.kit_id)
        try:
            with transaction.atomic():
                kit = Item.objects.select_for_update().get(pk=row.kit_id)
                ids = dict(Item.objects.filter(sku__in=row.components).values_list("sku", "id"))
                components = {ids[sku]: Decimal(quantity) for sku, quantity in row.components.items()}
                _check(kit, components)
                _apply(kit, components, actor=CLOCK, reason=row.reason)
                _in_force(kit, row, actor=CLOCK, reason=row.reason, now=now)
        except (KeyError, ValidationError) as error:  # a component is called otherwise, or may be none now
            log.exception("recipe.not_applied", kit=row.kit_id, version=row.version)
            _have_it_owned(row, error, now=now)
            continue
        effect |= Effect(items=frozenset({kit.pk}))
    return effect


def _check(kit: Item, components: Mapping[int, Decimal]) -> None:
    if components and kit.kind != Item.Kind.KIT:
        raise ValidationError("Only a kit has components.")
    if kit.pk in _made_of(components):
        raise ValidationError(
            f"{kit.sku} would contain itself, directly or through another kit.", code=KitContainsItself.code
        )
    kits = Item.objects.filter(pk__in=components, kind=Item.Kind.KIT).values_list("sku", flat=True)
    if kits:
        raise ValidationError(f"{kits[0]} is itself a kit; kits do not hold kits.")
    for component_id, quantity in components.items():
        KitComponent(kit=kit, component_id=component_id, quantity=quantity).clean_fields()


def _made_of(components: Collection[int]) -> set[int]:
    """Return these items and everything they are made of, however deep."""
    found: set[int] = set()
    fresh = set(components)
    while fresh:
        found |= fresh
        parts = KitComponent.objects.filter(kit_id__in=fresh).values_list("component_id", flat=True)
        fresh = set(parts) - found
    return found


def _apply(kit: Item, components: Mapping[int, Decimal], *, actor: audit.Actor, reason: str) -> bool:
    """Make these the components in force; return whether anything was another."""
    there = {row.component_id: row for row in kit.components.all()}
    changed = False
    for gone in there.keys() - components.keys():
        audit.record_deleted(there[gone], actor=actor, action="kit.component_removed", reason=reason)
        there[gone].delete()
        changed = True
    for component_id, quantity in components.items():
        row = there.get(component_id) or KitComponent(kit=kit, component_id=component_id)
        before = audit.snapshot(row) if row.pk else None
        row.quantity = quantity
        row.full_clean()
        if before is not None and before == audit.snapshot(row):
            continue
        row.save()
        changed = True
        if before is None:
            audit.record_created(row, actor=actor, action="kit.component_added", reason=reason)
        else:
            audit.record_changed(row, before, actor=actor, action="kit.component_changed", reason=reason)
    return changed


def _keep(
    kit: Item, components: Mapping[int, Decimal], valid_from: datetime, *, actor: audit.Actor, reason: str
) -> KitRecipe:
    skus = dict(Item.objects.filter(pk__in=components).values_list("id", "sku"))
    last = KitRecipe.objects.filter(kit=kit).aggregate(last=Max("version"))["last"] or 0
    return KitRecipe.objects.create(
        kit=kit,
        version=last + 1,
        valid_from=valid_from,
        components={skus[item_id]: plain(quantity) for item_id, quantity in sorted(components.items())},
        actor=str(actor)[:150],
        reason=reason,
    )


def _in_force(kit: Item, row: KitRecipe, *, actor: audit.Actor, reason: str, now: datetime) -> None:
    before = audit.snapshot(kit)
    kit.recipe_version = row.version
    kit.save()
    audit.record_changed(kit, before, actor=actor, action="kit.recipe_changed", reason=reason)
    cases.resolve_cases(
        subject_kind="kit",
        subject_ids=[str(kit.pk)],
        code="recipe.not_applied",
        resolution=f"Version {row.version} of the recipe is in force.",
        now=now,
    )


def _have_it_owned(row: KitRecipe, error: KeyError | ValidationError, *, now: datetime) -> None:
    if isinstance(error, ValidationError):
        why = " ".join(error.messages)
    else:
        why = f"No item is called {error.args[0]}."
    cases.open_case(
        code="recipe.not_applied",
        subject_kind="kit",
        subject_id=row.kit_id,
        summary=f"Version {row.version} of the recipe of {row.kit.sku}, announced for "
        f"{row.valid_from:%Y-%m-%d %H:%M} UTC, cannot be put in force. {why} The kit stays what it was.",
        now=now,
    )
