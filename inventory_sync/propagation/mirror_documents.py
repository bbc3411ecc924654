"""Documents of a mirror on their way: which are due, what may be done with one, what became of it.

Rows are changed by whoever holds the connection's writer lease (connections/writers.py), in transactions that
check it first; staff change only documents that are refused (mirror_acts.py). Calls nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from django.db.models import Count, F

from inventory_sync.domain import commands
from inventory_sync.domain.commands import DocumentState
from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.external import Reason
from inventory_sync.propagation.mirror_names import replace_document
from inventory_sync.propagation.models import MirrorDocument, MirrorLine

State = MirrorDocument.State


@dataclass(frozen=True, slots=True)
class Held:
    """A document that is due, as it is to be told. `attempts`: how often it was sent before.

    `item_id`: the item all its lines are about, None when they are about several.
    """

    id: int
    attempts: int
    unknown: bool
    ambiguous_until: datetime | None
    was_refused: bool
    item_id: int | None
    document: commands.MirrorDocument = field(repr=False)

    @property
    def name(self) -> str:
        return self.document.name


class Next(Enum):
    """What may be done with a document after it was read."""

    BOOKED = "booked"
    SEND = "send"
    WAIT = "wait"  # an earlier request may still land
    NAME_TAKEN = "name_taken"  # it is there, and was never sent from here
    CANCELLED = "cancelled"


def judge(held: Held, seen: DocumentState, *, now: datetime) -> Next:
    """Say what follows from what the target showed. Nothing is sent while an earlier request may still land:
    not for fear of a second booking, which the name excludes, but because a refusal must prove that the
    document is not booked and will not be.
    """
    if not held.attempts and seen is not DocumentState.ABSENT:
        return Next.NAME_TAKEN
    if seen is DocumentState.BOOKED:
        return Next.BOOKED
    if held.unknown and held.ambiguous_until is not None and now < held.ambiguous_until:
        return Next.WAIT
    if seen is DocumentState.CANCELLED:
        return Next.CANCELLED
    return Next.SEND


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a document. `divisible`: nothing of it is booked nor ever will be under its name."""

    held: Held
    state: str
    run_at: datetime | None = None
    error: SyncError | None = None
    ambiguous_until: datetime | None = None
    target_name: str = ""
    divisible: bool = False


def due(connection_id: int, *, now: datetime, most_lines: int) -> list[Held]:
    """Return the documents to be worked off now, oldest first, as many as make one batch and at least one."""
    rows = list(
        MirrorDocument.objects.filter(
            connection_id=connection_id, state__in=MirrorDocument.OPEN, run_at__lte=now
        )
        .select_related("place__location")
        .order_by("id")[:most_lines]
    )
    lines: dict[int, list[MirrorLine]] = {row.pk: [] for row in rows}
    for line in MirrorLine.objects.filter(document_id__in=lines).order_by("id"):
        lines[line.document_id].append(line)
    taken: list[Held] = []
    total = 0
    for row in rows:
        total += len(lines[row.pk])
        if taken and total > most_lines:
            break
        taken.append(_held(row, lines[row.pk]))
    return taken


def open_lines(connection_id: int) -> int:
    """Return how many lines wait in documents that are owed or whose outcome is not known."""
    found = MirrorLine.objects.filter(
        document__connection_id=connection_id, document__state__in=MirrorDocument.OPEN
    )
    return found.count()


def mark_sent(held: Sequence[Held], *, now: datetime, ambiguous_until: datetime) -> None:
    """Note before the call that it may land; whoever comes after a crash knows that it was made."""
    MirrorDocument.objects.filter(pk__in=[each.id for each in held]).update(
        state=State.UNKNOWN,
        attempts=F("attempts") + 1,
        sent_at=now,
        run_at=ambiguous_until,
        ambiguous_until=ambiguous_until,
    )


def settle(fates: Sequence[Fate], *, now: datetime) -> Counter[str]:
    """Write what became of the documents; one that is divisible and refused is replaced by its halves."""
    by_id = {fate.held.id: fate for fate in fates}
    rows = MirrorDocument.objects.select_for_update().filter(pk__in=by_id, state__in=MirrorDocument.OPEN)
    counts: Counter[str] = Counter()
    for row in rows.order_by("pk"):
        fate = by_id[row.pk]
        row.error_code = fate.error.code if fate.error else ""
        row.error_detail = fate.error.detail if fate.error else ""
        row.ambiguous_until = fate.ambiguous_until
        row.target_name = fate.target_name[:80] or row.target_name
        row.run_at = fate.run_at or row.run_at
        lines = list(row.lines.all()) if fate.state == State.REFUSED and fate.divisible else []
        if len(lines) > 1:
            middle = len(lines) // 2
            row.save()
            replace_document(row, [lines[:middle], lines[middle:]], now=now)
            counts["split"] += 1
            continue
        row.state = fate.state
        row.booked_at = now if fate.state == State.BOOKED else None
        row.save()
        counts[str(fate.state)] += 1
    return counts


def standing(connection_id: int) -> dict[str, int]:
    """Return how many documents of each state there are, for people."""
    rows = MirrorDocument.objects.filter(connection_id=connection_id).values("state")
    return {row["state"]: row["many"] for row in rows.annotate(many=Count("pk")).order_by("state")}


def _held(row: MirrorDocument, lines: Sequence[MirrorLine]) -> Held:
    moved = sum(line.movements for line in lines)
    told = commands.MirrorDocument(
        name=row.name,
        location_ref=row.place.external_id,
        reason=Reason(row.reason),
        arrives=row.arrives,
        lines=tuple(commands.MirrorLine(line.item_ref, line.told, line.lot) for line in lines),
        note=f"{row.get_reason_display()} at {row.place.location.code}: {moved} movements",
    )
    return Held(
        id=row.pk,
        attempts=row.attempts,
        unknown=row.state == State.UNKNOWN,
        ambiguous_until=row.ambiguous_until,
        was_refused=bool(row.error_code),
        item_id=lines[0].item_id if len({line.item_id for line in lines}) == 1 else None,
        document=told,
    )
