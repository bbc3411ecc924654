"""Retries of deliveries and of the names that lines wait for: the stored message again, byte for byte.

Applying a message again is safe by construction: an event counts once by its key, an older version of an
order changes nothing. Of a delivery that somebody edited the newest copy is applied and followed, not itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db.models import QuerySet

from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Connection
from inventory_sync.intake.models import Delivery, ParkedLine
from inventory_sync.intake.ports import DELIVERY_KIND, PARKED_KIND
from inventory_sync.intake.services import requeue
from inventory_sync.ledger.models import Event
from inventory_sync.pipeline.models_replays import EditedCopy
from inventory_sync.pipeline.remedies.types import (
    MOST_TRIES,
    Asked,
    Fate,
    Foreseen,
    Manner,
    Remedy,
    Try,
    after_commit,
    facts,
    gone,
    number,
)

ONCE = "Events that were posted already count once, and an older version of an order changes nothing."
State = Delivery.State
_EDITED: dict[str, str] = {
    State.DONE: "was applied instead: nothing of it is left to do.",
    State.PENDING: "is being applied: wait for its outcome.",
}


class DeliveryRemedy(Remedy):
    kinds = (DELIVERY_KIND,)
    page = "intake_delivery"

    def delivery_id(self, case: Case) -> int:
        return number(case.subject_id)

    def page_id(self, case: Case) -> int | None:
        return self.delivery_id(case) or None

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = self._delivery(case)
        if row is None:
            return gone("The delivery")
        copy = newest_copy(row.pk)
        if copy is not None and copy.state in _EDITED:
            why = f"Its edited copy #{copy.pk} {_EDITED[copy.state]}"
            return Foreseen(Manner.NOTHING, why, facts(("Edited copy", f"#{copy.pk}")), delivery_id=copy.pk)
        row = copy or row
        open_lines = row.parked_lines.filter(resolved_at__isnull=True)
        lines = tuple(f"{line.summary or line.event_key}: {line.detail}" for line in open_lines[:20])
        told = facts(
            ("Message", f"{row.topic} #{row.pk} of {row.connection.label}"),
            ("Object", row.object_key),
            ("Came in", f"{row.received_at:%Y-%m-%d %H:%M:%S} UTC, by {row.source}"),
            ("State", row.get_state_display()),
            ("Attempts", row.attempts),
            ("Already posted", f"{Event.objects.filter(delivery_id=row.pk).count()} events"),
            ("Edited from", f"#{case.subject_id}" if copy else ""),
            ("Error", row.error_detail or row.error_code),
        )
        return Foreseen(
            Manner.IDENTICAL,
            "The stored message is translated and applied again as it came, with the mappings of "
            f"now. {ONCE}",
            told,
            lines,
            row.pk,
        )

    def tries(self, case: Case, *, most: int = MOST_TRIES) -> Sequence[Try]:
        row = self._delivery(case)
        if row is None:
            return ()
        copies = list(Delivery.objects.filter(pk__in=copies_of(row.pk)).order_by("-id")[: most - 1])
        return [
            Try(
                at=each.finished_at or each.received_at,
                what=f"{each.topic if each.pk == row.pk else 'edited'} #{each.pk}, tried {each.attempts} ×",
                outcome=each.get_state_display(),
                error=each.error_detail or each.error_code,
                delivery_id=each.pk,
            )
            for each in [*copies, row]
        ]

    def begin(self, case: Case, asked: Asked) -> None:
        delivery_id = self.delivery_id(case)
        row = newest_copy(delivery_id) or Delivery.objects.only("tier").get(pk=delivery_id)
        requeue([row.pk], actor=asked.actor, reason=asked.reason, now=asked.now)
        after_commit(partial(asked.wake.drain_intake, row.tier))

    def fate(self, case: Case, *, since: datetime) -> Fate | None:
        delivery_id = self.delivery_id(case)
        row = newest_copy(delivery_id) or Delivery.objects.filter(pk=delivery_id).first()
        if row is None:
            return super().fate(case, since=since)
        name = f"{row.topic if row.pk == delivery_id else 'Its edited copy'} #{row.pk}"
        match row.state:
            case State.DONE:
                return Fate(True, f"{name} was applied.")
            case State.PARKED:
                return self._parked(case, row, name)
            case State.REJECTED:
                return Fate(False, f"{name} was rejected again. {row.error_detail or row.error_code}")
            case _:
                return None

    def _parked(self, case: Case, row: Delivery, name: str) -> Fate:
        lines = row.parked_lines.filter(resolved_at__isnull=True)
        why = row.error_detail or "; ".join(line.detail for line in lines[:3])
        return Fate(False, f"{name} is parked again. {why}")

    def _delivery(self, case: Case) -> Delivery | None:
        return Delivery.objects.select_related("connection").filter(pk=self.delivery_id(case)).first()


class NameRemedy(Remedy):
    """A name that nobody explained, with all the lines that wait for it: their messages as they came."""

    kinds = (PARKED_KIND,)

    def page_id(self, case: Case) -> int | None:
        return None

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        connection_id, waits_on = waited_for(case)
        lines = _lines_waiting(connection_id, waits_on)
        count = lines.count()
        connection = Connection.objects.filter(pk=connection_id).first()
        if not count or connection is None:
            return Foreseen(Manner.NOTHING, f"No line waits for {waits_on} any more.")
        messages = lines.values("delivery_id").distinct().count()
        return Foreseen(
            Manner.IDENTICAL,
            "Every message with a line that waits is translated and applied again as it came, with "
            f"the mappings of now: a line that still lacks {waits_on} is parked again. {ONCE}",
            facts(
                ("Waits for", f"{waits_on} at {connection.label}"),
                ("Lines", count),
                ("Messages", messages),
                ("Since", lines.order_by("created_at").values_list("created_at", flat=True)[0]),
            ),
            tuple(f"{line.summary or line.event_key}" for line in lines.order_by("id")[:20]),
            delivery_id=lines.order_by("id").values_list("delivery_id", flat=True)[0],
        )

    def tries(self, case: Case, *, most: int = MOST_TRIES) -> Sequence[Try]:
        lines = _lines_waiting(*waited_for(case)).select_related("delivery").order_by("-id")[:most]
        return [
            Try(
                at=line.updated_at,
                what=f"{line.delivery.topic} #{line.delivery_id}: {line.summary or line.event_key}",
                outcome="parked",
                error=line.detail,
                delivery_id=line.delivery_id,
            )
            for line in lines
        ]

    def begin(self, case: Case, asked: Asked) -> None:
        lines = _lines_waiting(*waited_for(case))
        ids = set(lines.values_list("delivery_id", flat=True))
        requeue(ids, actor=asked.actor, reason=asked.reason, now=asked.now)
        for tier in sorted(set(Delivery.objects.filter(pk__in=ids).values_list("tier", flat=True))):
            after_commit(partial(asked.wake.drain_intake, tier))

    def fate(self, case: Case, *, since: datetime) -> Fate | None:
        lines = _lines_waiting(*waited_for(case))
        if not lines.exists():
            return Fate(True, "Everything that waited for it was applied.")
        if lines.filter(delivery__state=State.PENDING).exists():
            return None
        words = "line still waits" if lines.count() == 1 else "lines still wait"
        return Fate(False, f"{lines.count()} {words} for {waited_for(case)[1]}: nobody has explained it yet.")


def waited_for(case: Case) -> tuple[int, str]:
    """Return the connection and the name that lines wait for."""
    connection, _, waits_on = case.subject_id.partition(":")
    return number(connection), waits_on


def _lines_waiting(connection_id: int, waits_on: str) -> QuerySet[ParkedLine]:
    rows = ParkedLine.objects.filter(connection_id=connection_id, resolved_at__isnull=True)
    return rows.filter(waits_on=waits_on)


def newest_copy(delivery_id: int) -> Delivery | None:
    """Return the newest edited copy of a delivery, None if it has none."""
    return Delivery.objects.filter(pk__in=copies_of(delivery_id)).order_by("-id").first()


def copies_of(delivery_id: int) -> list[int]:
    """Return the edited copies of a delivery, the newest first."""
    rows = EditedCopy.objects.filter(origin_id=delivery_id)
    return list(rows.order_by("-copy_id").values_list("copy_id", flat=True))
