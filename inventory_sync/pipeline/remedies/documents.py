"""Retries of what other systems are owed: copies of orders, deliveries told, documents of a mirror.

Each is read at its target by its name before anything is sent, so that nothing is made there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from inventory_sync.cases.models import Case
from inventory_sync.domain.reports import plain
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
    held_back,
    number,
)
from inventory_sync.propagation import mirror_acts
from inventory_sync.propagation.mirror_places import release_items
from inventory_sync.propagation.models import MirrorDocument, MirrorLevel
from inventory_sync.workflows import services
from inventory_sync.workflows.models import Attempt, Copy, DeliveryTold


class CopyRemedy(Remedy):
    """A copy of an order, refused there or carrying less than the order wants."""

    kinds = ("order_copy", "order_copy_content")
    page = "workflows_copy"

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = _copy(case)
        if row is None:
            return gone("The copy")
        waits = held_back(row.target)
        if row.not_before is not None and row.not_before > now:
            waits = (
                f"An earlier call may still land until {row.not_before:%H:%M:%S} UTC: it is read until then."
            )
        told = facts(
            ("Order", f"{row.number} of {row.source.code}"),
            ("At", f"{row.target.label}, {row.location.code}"),
            ("State", row.get_state_display()),
            ("There", f"{row.seen_document} {row.seen_state or 'never read'}".strip()),
            ("Cannot carry", "; ".join(row.missing)),
            ("Error", row.error_detail),
        )
        return Foreseen(
            Manner.READ_FIRST,
            "What is wanted is worked out anew and the order is read there by its name; then the one "
            "step that is missing is taken. A copy that was cancelled or deleted there may be made again.",
            told,
            _wanted_lines(row),
            waits=waits,
        )

    def tries(self, case: Case, *, most: int = MOST_TRIES) -> Sequence[Try]:
        return _steps(Attempt.objects.filter(copy_id=number(case.subject_id)).select_related("call")[:most])

    def begin(self, case: Case, asked: Asked) -> None:
        row = Copy.objects.get(pk=number(case.subject_id))
        services.retry(Copy, [row.pk], actor=asked.actor, reason=asked.reason, now=asked.now)
        after_commit(asked.wake.follow_orders)
        after_commit(partial(asked.wake.send_orders, row.target_id))

    def fate(self, case: Case, *, since: datetime) -> Fate | None:
        row = _copy(case)
        if row is None:
            return Fate(True, "The copy is no longer there.")
        if row.state == Copy.State.REFUSED:
            return Fate(False, row.error_detail or row.error_code)
        if case.state == Case.State.OPEN and row.missing:
            return Fate(False, f"It still cannot carry {'; '.join(row.missing)}.")
        if row.state == Copy.State.SETTLED and not row.missing and row.location_ref:
            return Fate(True, f"{row.target.label} has it as wanted: {row.seen_document}.")
        return None


class FollowRemedy(Remedy):
    """An order of which nobody could say what other systems should have of it."""

    kinds = ("order_followed",)
    page = "ledger_order"

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        return Foreseen(
            Manner.RECOMPUTED,
            "What every other system should have of the order is worked out anew, from the order as "
            "it is now.",
        )

    def begin(self, case: Case, asked: Asked) -> None:
        services.touch([int(case.subject_id)])
        after_commit(asked.wake.follow_orders)


class ToldRemedy(Remedy):
    """Word of what left, that its channel did not take."""

    kinds = ("delivery_told",)
    page = "workflows_deliverytold"

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = _told(case)
        if row is None:
            return gone("The delivery")
        return Foreseen(
            Manner.READ_FIRST,
            "The channel is read first and told only what it does not know. A completed order mails "
            "the customer.",
            facts(
                ("Order", str(row.order)),
                ("Channel", row.channel.label),
                ("State", row.get_state_display()),
                ("All of it", "yes" if row.complete else "no, a part"),
                ("Told so far", row.document),
                ("Error", row.error_detail),
            ),
            tuple(f"{left} of line {line}" for line, left in sorted(row.lines.items())),
            waits=held_back(row.channel),
        )

    def tries(self, case: Case, *, most: int = MOST_TRIES) -> Sequence[Try]:
        found = Attempt.objects.filter(delivery_id=number(case.subject_id)).select_related("call")
        return _steps(found[:most])

    def begin(self, case: Case, asked: Asked) -> None:
        row = DeliveryTold.objects.get(pk=number(case.subject_id))
        services.retry(DeliveryTold, [row.pk], actor=asked.actor, reason=asked.reason, now=asked.now)
        after_commit(partial(asked.wake.tell_deliveries, row.channel_id))

    def fate(self, case: Case, *, since: datetime) -> Fate | None:
        row = _told(case)
        if row is None:
            return Fate(True, "The delivery is no longer there.")
        if row.state == DeliveryTold.State.TOLD:
            return Fate(True, f"{row.channel.label} was told.")
        if row.state == DeliveryTold.State.REFUSED:
            return Fate(False, row.error_detail or row.error_code)
        return None


class MirrorRemedy(Remedy):
    """A document that the system which keeps a copy of a place did not book."""

    kinds = ("mirror_document",)
    page = "propagation_mirrordocument"

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = _document(case)
        if row is None:
            return gone("The document")
        lines = tuple(f"{plain(line.told)} × {line.item_ref}" for line in row.lines.all()[:20])
        told = facts(
            ("Document", row.name),
            ("At", f"{row.connection.label}, {row.place.location.code}"),
            ("State", row.get_state_display()),
            ("Sent", f"{row.attempts} ×"),
            ("Error", row.error_detail),
        )
        if row.state not in (MirrorDocument.State.REFUSED, *MirrorDocument.OPEN):
            why = f"The document is {row.get_state_display().lower()}."
            return Foreseen(Manner.NOTHING, why, told, lines)
        return Foreseen(
            Manner.READ_FIRST,
            "The document is looked for there by its name and sent only if it is absent, with the "
            "lines it has. One that was cancelled there is sent under a new name.",
            told,
            lines,
            waits=held_back(row.connection),
        )

    def begin(self, case: Case, asked: Asked) -> None:
        pk = int(case.subject_id)
        tried = mirror_acts.retry([pk], actor=asked.actor, reason=asked.reason, now=asked.now)
        for connection_id in sorted(tried.connections):
            after_commit(partial(asked.wake.mirror, connection_id))

    def fate(self, case: Case, *, since: datetime) -> Fate | None:
        row = _document(case)
        if row is None:
            return Fate(True, "The document is no longer there.")
        rows = _last_parts(row)
        for each in rows:
            if each.state in (MirrorDocument.State.REFUSED, MirrorDocument.State.GIVEN_UP):
                return Fate(False, f"{each.name}: {each.error_detail or each.get_state_display().lower()}")
        if all(each.state == MirrorDocument.State.BOOKED for each in rows):
            return Fate(True, f"Booked as {', '.join(each.target_name or each.name for each in rows[:3])}.")
        return None


class MirrorLevelRemedy(Remedy):
    """Movements that could not be put into a document: the target has no word for their item."""

    kinds = ("mirror_level",)

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = MirrorLevel.objects.select_related("item", "place__connection").filter(
            pk=number(case.subject_id)
        )
        found = row.first()
        if found is None:
            return gone("The level")
        return Foreseen(
            Manner.RECOMPUTED,
            "What moved since the last document is summed anew and booked under a new document, if "
            "the item is mapped there by now.",
            facts(
                ("Item", found.item.sku), ("At", found.place.connection.label), ("Error", found.error_detail)
            ),
            waits=held_back(found.place.connection),
        )

    def begin(self, case: Case, asked: Asked) -> None:
        row = MirrorLevel.objects.select_related("place").get(pk=number(case.subject_id))
        release_items([row.item_id])
        after_commit(partial(asked.wake.mirror, row.place.connection_id))


def _copy(case: Case) -> Copy | None:
    rows = Copy.objects.select_related("source", "target", "location")
    return rows.filter(pk=number(case.subject_id)).first()


def _told(case: Case) -> DeliveryTold | None:
    rows = DeliveryTold.objects.select_related("channel", "order__connection")
    return rows.filter(pk=number(case.subject_id)).first()


def _document(case: Case) -> MirrorDocument | None:
    rows = MirrorDocument.objects.select_related("connection", "place__location")
    return rows.filter(pk=number(case.subject_id)).first()


def _last_parts(row: MirrorDocument) -> list[MirrorDocument]:
    """Return the document, or those that replace it now."""
    if row.state != MirrorDocument.State.SPLIT:
        return [row]
    return [last for part in row.parts.order_by("pk") for last in _last_parts(part)]


def _wanted_lines(row: Copy) -> tuple[str, ...]:
    if row.cancelled:
        return ("nothing of it is wanted any more",)
    return tuple(
        f"{line.get('quantity')} × {line.get('label') or line.get('item_ref')}" for line in row.lines
    )


def _steps(rows: Iterable[Attempt]) -> list[Try]:
    return [
        Try(
            at=row.at,
            what=f"{row.step}, version {row.version}",
            outcome=row.outcome,
            error=row.error_detail or row.error_code,
            exchanges=tuple(row.call.exchanges) if row.call else (),
        )
        for row in rows
    ]
