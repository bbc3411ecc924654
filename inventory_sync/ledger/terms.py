"""Set how a channel's requests are routed and how long they may hold stock, with an audit entry."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.domain.routing import DEFAULT_RULES, Rule
from inventory_sync.ledger.models import RequestTerms


def set_terms(
    *,
    connection_id: int,
    rules: Sequence[Rule] = DEFAULT_RULES,
    hold_max_s: int = 86_400,
    review_max_s: int = 259_200,
    actor: audit.Actor,
    reason: str,
) -> RequestTerms:
    """Declare a channel's terms, or change them; they count a second later in every process."""
    if not rules or len(set(rules)) < len(rules):
        raise ValidationError({"rules": "Name at least one rule, each once."})
    if hold_max_s < 1 or review_max_s < 1:
        raise ValidationError("A window is at least a second.")
    with transaction.atomic():
        row = RequestTerms.objects.select_for_update().filter(connection_id=connection_id).first()
        before = audit.snapshot(row) if row else None
        row = row or RequestTerms(connection_id=connection_id)
        row.rules = [rule.value for rule in rules]
        row.hold_max_s, row.review_max_s = hold_max_s, review_max_s
        row.save()
        if before is None:
            audit.record_created(row, actor=actor, action="request_terms.set", reason=reason)
        else:
            audit.record_changed(row, before, actor=actor, action="request_terms.set", reason=reason)
    return row


@transaction.atomic
def clear_terms(row: RequestTerms, *, actor: audit.Actor, reason: str) -> None:
    """Take a channel's terms away: the defaults count again, a second later in every process."""
    audit.record_deleted(row, actor=actor, action="request_terms.cleared", reason=reason)
    row.delete()
