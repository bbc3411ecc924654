"""Owe once more what was written and reached nobody: it is composed anew, without what is over by then."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from inventory_sync.cases.models_telling import Message, Notice, Route

SWITCHED_OFF = "the route was switched off"
REACHES_BACK = timedelta(days=7)


def owe_again(messages: QuerySet[Message], *, due_at: datetime) -> int:
    """Owe what these messages were to tell; return how many notices. One that any address took is left."""
    mine = Notice.objects.filter(state=Notice.State.TOLD, message__in=messages.filter(accepted=[]))
    return mine.update(state=Notice.State.WAITING, message=None, due_at=due_at, held_back=False)


def owe_what_was_missed(route: Route, *, now: datetime) -> int:
    """Owe what a route could not tell while it was off or led to the wrong place."""
    unsent = Message.objects.filter(route=route, is_test=False, at__gt=now - REACHES_BACK)
    unsent = unsent.exclude(state=Message.State.SENT).filter(lease_until=None)
    owed = owe_again(unsent, due_at=now)
    unsent.filter(state=Message.State.WAITING, accepted=[], notices=None).update(
        state=Message.State.FAILED, error="The route was changed; what is still wrong is told anew."
    )
    dropped = Notice.objects.filter(
        route=route,
        state=Notice.State.DROPPED,
        why=SWITCHED_OFF,
        message=None,
        happening__at__gt=now - REACHES_BACK,
    )
    return owed + dropped.update(state=Notice.State.WAITING, due_at=now, why="")
