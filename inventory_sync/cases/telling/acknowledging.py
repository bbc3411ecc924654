"""The link in a message by which whoever reads it says: I have seen it. Good for one message, for a week.

The link holds the message's key, signed; opening it changes nothing, posting to it does, once. Mail scanners
that open every link therefore acknowledge nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases import services
from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Happening, Message

GOOD_FOR = timedelta(days=7)
_SALT = "cases.telling.acknowledge"


def link(hub: str, key: str, *, now: datetime) -> str:
    token = signing.dumps([key, int(now.timestamp())], salt=_SALT)
    return f"{hub.rstrip('/')}/acknowledge/{token}/"


def message_of(token: str, *, now: datetime) -> Message | None:
    """Return the message a link is about; None when it is not ours, too old, or the message is gone."""
    try:
        key, made = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if now.timestamp() - made > GOOD_FOR.total_seconds():
        return None
    return Message.objects.select_related("route").filter(key=key).first()


def unseen(message: Message) -> list[Case]:
    """Return the cases of a message that are open and that nobody acknowledged yet."""
    rows = Case.objects.filter(notices__message=message, state=Case.State.OPEN, acknowledged_at=None)
    return list(rows.distinct().order_by("pk"))


def alerts_of(message: Message) -> list[Happening]:
    """Return what a message tells that is no case: acknowledging the message acknowledges it."""
    return list(Happening.objects.filter(notices__message=message, case=None).distinct().order_by("pk"))


def acknowledge(message: Message, *, by: str, now: datetime) -> int:
    """Acknowledge all that the message tells, once; return how many open cases. `by` is whoever says so."""
    with transaction.atomic():
        row = Message.objects.select_for_update().get(pk=message.pk)
        if row.acknowledged_at is not None:
            return 0
        row.acknowledged_at, row.acknowledged_by = now, by
        row.save(update_fields=["acknowledged_at", "acknowledged_by"])
        audit.record(
            actor=by, action="message.acknowledged", subject=row, reason=f"By the link in “{row.subject}”."
        )
        acted = services.acknowledge(
            [case.pk for case in unseen(row)],
            actor=by,
            reason=f"By the link in “{row.subject}”.",
            now=now,
        )
    return len(acted.done)
