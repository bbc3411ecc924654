"""Changes of policy: versioned, audited, and felt by every item they concern.

The only code that writes policies. Does not compute (compute) or push (propagation).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from inventory_sync.audit import services as audit
from inventory_sync.availability.models import ChannelFigure, Policy, PolicyVersion
from inventory_sync.catalog.models import Item, ItemMapping
from inventory_sync.connections.models import Connection
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.support import correlation

CHANGEABLE = (
    "share_percent",
    "buffer",
    "buffer_percent",
    "cap",
    "threshold",
    "safety_stock",
    "pack",
    "fallback",
    "shrink_percent",
    "backorder_allowance",
    "preorder_allowance",
    "preorder_days",
)


@transaction.atomic
def change_policy(
    *,
    actor: audit.Actor,
    connection: Connection,
    values: Mapping[str, Any],
    reason: str,
    now: datetime,
    item: Item | None = None,
) -> Policy:
    """Set the policy of a channel, or of one item on it, and have its figures computed again.

    values: any of CHANGEABLE, quantities in base units. A change raises the version by one; values as they
    already are change nothing and write no entry. Raises ValidationError naming the wrong fields.
    """
    unknown = sorted(set(values) - set(CHANGEABLE))
    if unknown:
        raise ValueError(f"A policy has no {unknown[0]!r} to change.")
    policy = Policy.objects.select_for_update(of=("self",)).filter(connection=connection, item=item).first()
    before = audit.snapshot(policy) if policy else None
    policy = policy or Policy(connection=connection, item=item)
    for name, value in values.items():
        setattr(policy, name, value)
    policy.full_clean()

    if before is None:
        policy.version = _last_version(connection, item) + 1
        policy.save()
        audit.record_created(policy, actor=actor, action="policy.created", reason=reason)
    else:
        _, after = audit.changes(before, audit.snapshot(policy))
        if not after:
            return policy
        policy.version += 1
        policy.save()
        audit.record_changed(policy, before, actor=actor, action="policy.changed", reason=reason)
    said = {name: _written(getattr(policy, name)) for name in CHANGEABLE}
    _keep(policy, policy.version, said, actor=actor, reason=reason, now=now)
    _touch(policy, now=now)
    return policy


@transaction.atomic
def remove_policy(*, actor: audit.Actor, policy: Policy, reason: str, now: datetime) -> None:
    """Take a policy away: its items follow the channel's policy, or sell the whole pool without one."""
    audit.record_deleted(policy, actor=actor, action="policy.removed", reason=reason)
    _keep(policy, policy.version + 1, {}, actor=actor, reason=reason, now=now)
    _touch(policy, now=now)
    policy.delete()


def recompute_channel(*, connection: Connection, now: datetime, correlation_id: str = "") -> int:
    """Have every figure of a channel computed again, e.g. after its pool changed; return how many items."""
    listed = ItemMapping.objects.filter(connection=connection, item__isnull=False).values_list("item_id")
    shown = ChannelFigure.objects.filter(connection=connection).values_list("item_id")
    item_ids = {item_id for (item_id,) in listed.union(shown)}
    mark_items_dirty(item_ids, now=now, correlation_id=correlation_id or correlation.current())
    return len(item_ids)


def versions_of(*, connection: Connection, item: Item | None = None) -> QuerySet[PolicyVersion]:
    """Return every version of a policy, the newest first."""
    return PolicyVersion.objects.filter(connection_id=connection.pk, item=item).order_by("-version")


def _last_version(connection: Connection, item: Item | None) -> int:
    """Return the last version there was, also of a policy taken away: a number is used once."""
    newest = versions_of(connection=connection, item=item).values_list("version", flat=True).first()
    return newest or 0


def _keep(
    policy: Policy, version: int, said: Mapping[str, Any], *, actor: audit.Actor, reason: str, now: datetime
) -> None:
    PolicyVersion.objects.create(
        connection_id=policy.connection_id,
        item_id=policy.item_id,
        version=max(version, _last_version(policy.connection, policy.item) + 1),
        values=said,
        valid_from=now,
        actor=str(actor)[:150],
        reason=reason,
    )


def _written(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


def _touch(policy: Policy, *, now: datetime) -> None:
    if policy.item_id is None:
        recompute_channel(connection=policy.connection, now=now)
    else:
        mark_items_dirty([policy.item_id], now=now, correlation_id=correlation.current())
