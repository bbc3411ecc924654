"""Retries of a listing's push: always the figure of now, never the one that failed."""

from __future__ import annotations

from collections.abc import Sequence
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
from inventory_sync.propagation.models import Listing, PushAttempt
from inventory_sync.propagation.services import retry


class PushRemedy(Remedy):
    kinds = ("listing",)
    page = "propagation_listing"

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = _listing(case)
        if row is None:
            return gone("The listing")
        told = facts(
            ("Listing", f"{row.connection.label} {row.external_id} {row.external_location}".strip()),
            ("Item", row.mapping.item.sku if row.mapping.item else ""),
            ("Would send", "unknown" if row.desired is None else plain(row.desired)),
            ("Channel shows", "never read" if row.observed is None else plain(row.observed)),
            ("Last confirmed", "" if row.acknowledged is None else plain(row.acknowledged)),
            ("State", row.get_state_display()),
        )
        if row.desired is None:
            return Foreseen(
                Manner.NOTHING,
                "Its figure is unknown, and unknown is never sent: it is pushed by itself once it is known.",
                told,
            )
        waits = held_back(row.connection)
        if row.ambiguous_until is not None and row.ambiguous_until > now:
            return Foreseen(
                Manner.READ_FIRST,
                f"An earlier write was not answered and may land until {row.ambiguous_until:%H:%M:%S} "
                "UTC. The channel is read until then; the figure of now is written only where it "
                "shows another.",
                told,
                waits=waits,
            )
        return Foreseen(
            Manner.RECOMPUTED,
            "The figure is computed anew when it is sent. The channel is read first and afterwards, its new "
            "orders are pulled, and it is written only if it shows another figure.",
            told,
            waits=waits,
        )

    def tries(self, case: Case, *, most: int = MOST_TRIES) -> Sequence[Try]:
        rows = PushAttempt.objects.filter(listing_id=number(case.subject_id)).select_related("call")[:most]
        return [
            Try(
                at=row.at,
                what=_in_words(row),
                outcome=row.outcome,
                error=row.error_detail or row.error_code,
                exchanges=tuple(row.call.exchanges) if row.call else (),
            )
            for row in rows
        ]

    def begin(self, case: Case, asked: Asked) -> None:
        row = Listing.objects.get(pk=number(case.subject_id))
        retry([row.pk], actor=asked.actor, reason=asked.reason, now=asked.now)
        after_commit(partial(asked.wake.push, row.connection_id))

    def fate(self, case: Case, *, since: datetime) -> Fate | None:
        row = _listing(case)
        if row is None:
            return Fate(True, "The listing is no longer there.")
        if row.state == Listing.State.SETTLED:
            shown = "the figure wanted" if row.acknowledged is None else plain(row.acknowledged)
            return Fate(True, f"{row.connection.label} shows {shown}, read back.")
        last = PushAttempt.objects.filter(listing=row, at__gte=since).first()
        if row.state == Listing.State.FAILED:
            return Fate(False, row.error_detail or row.error_code or "It failed again.")
        if last is not None and case.last_seen_at > since:
            return Fate(False, last.error_detail or case.summary)
        return None


def _listing(case: Case) -> Listing | None:
    rows = Listing.objects.filter(pk=number(case.subject_id))
    return rows.select_related("connection", "mapping__item").first()


def _in_words(row: PushAttempt) -> str:
    """Say what a sandwich read, wrote and read again."""
    parts = [
        f"{name} {plain(value)}"
        for name, value in (
            ("wanted", row.wanted),
            ("read", row.read_before),
            ("wrote", row.wrote),
            ("read again", row.read_after),
        )
        if value is not None
    ]
    return ", ".join(parts) or "nothing was read"
