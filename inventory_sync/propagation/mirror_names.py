"""Write documents of a mirror under names that are fixed for good.

A name is SYNC-<installation>-<document id>. Its id is taken before the row is written, so that no document is
ever there without its name. Called in the transaction that knows why the document must be (mirror_cut.py,
mirror_documents.py, mirror_acts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection as database

from inventory_sync.propagation.mirror_sums import NewLine
from inventory_sync.propagation.models import Installation, MirrorDocument, MirrorLine

_IDS = "SELECT nextval('propagation_mirrordocument_id_seq') FROM generate_series(1, %s)"
_SAME = ("item_id", "quantity", "item_ref", "told", "lot", "after_id", "upto_id", "movements")


def write_documents(
    connection_id: int, documents: Sequence[Sequence[NewLine]], *, now: datetime
) -> list[MirrorDocument]:
    """Write one owed document for each group of lines, which are of one place, reason and direction."""
    if not documents:
        return []
    rows = [
        MirrorDocument(
            connection_id=connection_id,
            place_id=lines[0].place_id,
            reason=lines[0].reason.value,
            arrives=lines[0].arrives,
            made_at=now,
            run_at=now,
        )
        for lines in documents
    ]
    _name(rows)
    MirrorLine.objects.bulk_create(
        MirrorLine(document=row, **{name: getattr(line, name) for name in _SAME})
        for row, lines in zip(rows, documents, strict=True)
        for line in lines
    )
    return rows


def replace_document(
    old: MirrorDocument, parts: Sequence[Sequence[MirrorLine]], *, now: datetime
) -> list[MirrorDocument]:
    """Put the lines of a document that is not booked, and never will be, into new ones under new names."""
    rows = [
        MirrorDocument(
            connection_id=old.connection_id,
            place_id=old.place_id,
            reason=old.reason,
            arrives=old.arrives,
            parent=old,
            made_at=now,
            run_at=now,
        )
        for _ in parts
    ]
    _name(rows)
    MirrorLine.objects.bulk_create(
        MirrorLine(document=row, **{name: getattr(line, name) for name in _SAME})
        for row, lines in zip(rows, parts, strict=True)
        for line in lines
    )
    old.state = MirrorDocument.State.SPLIT
    old.ambiguous_until = None
    old.save(update_fields=["state", "ambiguous_until"])
    return rows


def _name(rows: Sequence[MirrorDocument]) -> None:
    code = Installation.objects.values_list("code", flat=True).get(pk=1)
    with database.cursor() as cursor:
        cursor.execute(_IDS, [len(rows)])
        ids = [row[0] for row in cursor.fetchall()]
    for row, number in zip(rows, ids, strict=True):
        row.id, row.name = number, f"SYNC-{code}-{number}"
    MirrorDocument.objects.bulk_create(rows)
