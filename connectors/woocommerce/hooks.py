"""Keep a shop's webhooks alive.

A hook is disabled by seven failures in a row, and one set active again keeps its count: the next single
failure disables it. So a hook that is not active is replaced by a new one. Ours are those that deliver to our
address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base.fields import clean
from connectors.woocommerce.rest import Rest, is_id, missing
from inventory_sync.domain.errors import OutcomeUnknown, RemoteRefused
from inventory_sync.domain.ports import HookState

TOPICS = (
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
    "product.updated",
    "product.restored",
    "product.deleted",
)


def heal(rest: Rest, *, delivery_url: str, secret: str) -> list[HookState]:
    """Make one active hook per topic; the new one stands before an old one goes, so nothing falls between."""
    ours: dict[str, list[Mapping[str, Any]]] = {topic: [] for topic in TOPICS}
    for hook in rest.pages("/webhooks", (("status", "all"),)):
        if hook.get("delivery_url") == delivery_url and hook.get("topic") in ours:
            ours[str(hook["topic"])].append(hook)
    return [_heal_topic(rest, topic, ours[topic], delivery_url, secret) for topic in TOPICS]


def _heal_topic(
    rest: Rest, topic: str, hooks: list[Mapping[str, Any]], delivery_url: str, secret: str
) -> HookState:
    active = [hook for hook in hooks if hook.get("status") == "active"]
    keep = min(active, key=lambda hook: int(hook["id"]), default=None)
    state = (
        HookState(str(keep["id"]), topic, "active") if keep else _create(rest, topic, delivery_url, secret)
    )
    for hook in hooks:
        if hook is not keep:
            _delete(rest, hook["id"])
    return state


def _create(rest: Rest, topic: str, delivery_url: str, secret: str) -> HookState:
    wanted = {
        "name": f"inventory-sync {topic}",
        "topic": topic,
        "delivery_url": delivery_url,
        "secret": secret,
    }
    hook = rest.write("POST", "/webhooks", wanted)
    if not isinstance(hook, Mapping) or not is_id(hook.get("id")):
        raise OutcomeUnknown(f"The shop's answer names no webhook for {topic}.")
    return HookState(str(hook["id"]), topic, clean(str(hook.get("status", "")), limit=20), recreated=True)


def _delete(rest: Rest, number: int) -> None:
    """Remove for good; without `force` the shop answers 501."""
    try:
        rest.write("DELETE", f"/webhooks/{number}", query=(("force", "true"),))
    except RemoteRefused as refused:
        if not missing(refused) and refused.status != 404:
            raise
