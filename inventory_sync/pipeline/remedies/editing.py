"""Apply an edited copy of a delivery: a new one that names its origin. The origin is kept as it came.

Reading a body aloud says beforehand what it would be understood as, without applying anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.models import Case, RetryLine, RetryRun
from inventory_sync.cases.runs import freeze_run
from inventory_sync.connections import registry
from inventory_sync.domain.errors import EditedMeanwhile, SyncError
from inventory_sync.domain.external import ExternalEvent
from inventory_sync.domain.ports import Delivery as Message
from inventory_sync.domain.reports import plain
from inventory_sync.intake.models import Delivery
from inventory_sync.intake.services import replace_delivery, store_copy
from inventory_sync.pipeline.models_replays import EditedCopy
from inventory_sync.pipeline.remedies.deliveries import newest_copy
from inventory_sync.pipeline.remedies.types import after_commit
from inventory_sync.pipeline.wake import Waker
from inventory_sync.support.redaction import in_words

SHOWN = 20
FAILED = (Delivery.State.PARKED, Delivery.State.REJECTED)


@dataclass(frozen=True, slots=True)
class Aloud:
    """What a body is understood as: events in words, or why it is not understood."""

    says: tuple[str, ...] = ()
    error: str = ""


def read_aloud(row: Delivery, body: bytes) -> Aloud:
    """Translate a body as the drain would, and say what it tells; nothing is resolved or applied."""
    message = Message(
        topic=row.topic,
        headers=row.headers,
        body=body,
        received_at=row.received_at,
        source=row.source,
        reading=row.reading,
        id=row.pk,
    )
    try:
        connector = registry.connector(row.connection.connector)
        events = connector.translate(message, registry.config_of(row.connection))
    except SyncError as error:
        field = getattr(error, "field", "")
        where = f" (field {field})" if field else ""
        return Aloud(error=f"{error.detail}{where}")
    except Exception as error:  # noqa: BLE001 - whatever the drain would stumble over is said
        return Aloud(error=in_words(error))
    words = tuple(_in_words(event) for event in events[:SHOWN])
    more = (f"and {len(events) - SHOWN} more",) if len(events) > SHOWN else ()
    return Aloud(words + more or ("nothing: it tells of no stock and no order",))


def newest_of(row: Delivery) -> Delivery:
    """Return what is to be edited: the newest edited copy of a delivery, or itself."""
    return newest_copy(row.pk) or row


def apply_edited(
    case: Case,
    shown: Delivery,
    body: bytes,
    *,
    actor: audit.Actor,
    reason: str,
    now: datetime,
    wake: Waker,
) -> RetryRun:
    """Store the copy and have it applied; its run follows it, and closes the case when it was.

    `shown` is what was edited, the case's delivery or its newest copy; it waits for nothing from then on, for
    the copy says what it should have said. Raises EditedMeanwhile when somebody was quicker, or it is being
    applied. Two who edit at once meet at the rows.
    """
    with transaction.atomic():
        rows = Delivery.objects.select_for_update().filter(pk__in=(case.subject_id, shown.pk))
        locked = {row.pk: row for row in rows.order_by("id")}
        origin = locked[int(case.subject_id)]
        newest = newest_of(origin)
        if newest.pk != shown.pk or locked[shown.pk].state not in FAILED:
            words = f"#{newest.pk} is {newest.get_state_display().lower()} by now"
            raise EditedMeanwhile(f"Somebody was quicker: {words}. Look at it again.")
        copy = store_copy(shown.pk, body, actor=actor, reason=reason, now=now)
        EditedCopy.objects.create(copy_id=copy.pk, origin_id=origin.pk, edited_by=str(actor), at=now)
        replace_delivery(shown.pk, by=copy.pk, actor=actor, reason=reason, now=now)
        waiting = RetryLine.objects.filter(case=case, state=RetryLine.State.WAITING)
        waiting.update(state=RetryLine.State.SKIPPED, ended_at=now, outcome=f"Edited as #{copy.pk} instead.")
        run = freeze_run(
            [case.pk], actor=actor, reason=f"Edited as #{copy.pk}: {reason}", now=now, per_minute=1
        )
        begun = run.lines.filter(state=RetryLine.State.WAITING).update(
            state=RetryLine.State.BEGUN, begun_at=now, outcome=f"Edited copy #{copy.pk} is being applied."
        )
        if not begun:
            raise EditedMeanwhile("The case is over, or a retry of it is under way. Look at it again.")
        after_commit(partial(wake.drain_intake, copy.tier))
    return run


def _in_words(event: ExternalEvent) -> str:
    """Say what an event tells: its kind and what it names."""
    kind = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in type(event).__name__)
    named = [_value(event, name) for name in ("order_ref", "item_ref", "location_ref", "quantity", "status")]
    lines = getattr(event, "lines", ())
    parts = [kind.strip(), *(word for word in named if word), *_lines(lines)]
    return ", ".join(parts)


def _lines(lines: Iterable[object]) -> list[str]:
    return [
        f"{_value(line, 'quantity')} × {_value(line, 'item_ref')}".removeprefix(" × ")
        for line in list(lines)[:10]
    ]


def _value(holder: object, name: str) -> str:
    value = getattr(holder, name, None)
    if value is None or value == "":
        return ""
    if hasattr(value, "as_tuple"):
        return plain(value)
    return str(value)
