"""Tell the ledger which numbers a feed left out, and see that somebody owns those that stay away.

Whether a number came is known by the messages kept (intake), for not every message moves stock. What a
missing number holds back, and how it is filled, is for the ledger (ledger/gaps.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from inventory_sync.cases import services as cases
from inventory_sync.catalog.resolve import load
from inventory_sync.domain.errors import Parked, SequenceMissing
from inventory_sync.domain.ports import SweepPage
from inventory_sync.ledger.selectors_gaps import overdue_feeds
from inventory_sync.ledger.tenures import note_missing
from inventory_sync.pipeline.ports import Account, Ports

KIND = "feed"
RESOLVED = "No number is missing for that long any more: they came, or were declared lost."


def note_left_out(account: Account, page: SweepPage, *, ports: Ports, now: datetime) -> None:
    """Note what a page shows to be missing, in the transaction that saves its cursor.

    Every page names all its feed misses, so a place mapped later catches up with the next sweep. Only the
    feed of a place's authority counts.
    """
    if not page.missing:
        return
    directory = load(
        ports.catalog,
        connection_ids={account.id},
        item_refs=set(),
        location_refs={page.missing_at},
        codes=set(),
    )
    try:
        place = directory.location(account.id, page.missing_at)
    except Parked:
        return
    if place.decider(now) != account.id:
        return
    where = place.location_id
    new = set(page.missing) - ports.ledger.missed(account.id, where, page.missing)
    if not new:
        return
    # From here on nobody posts there: a message either has used its number, or will find the gap.
    ports.ledger.hold_gates([where])
    new -= ports.intake.numbers_come(account.id, page.missing_at, new)
    if new:
        marks = {number: ports.cursors.next_reading() for number in sorted(new)}
        note_missing(account.id, where, marks, store=ports.ledger, now=now)


def own_overdue(*, ports: Ports, after: timedelta) -> int:
    """Open a case for each feed with a number missing for longer; close those that are over. Returns both."""
    now = ports.clock()
    known = cases.open_summaries(SequenceMissing.code)
    overdue = {feed.subject: feed for feed in overdue_feeds(before=now - after)}
    done = 0
    with ports.intake.transaction():
        for subject, feed in overdue.items():
            if known.get(subject) != feed.in_words:
                ports.cases.open(
                    SequenceMissing.code, KIND, subject, feed.in_words, connection=feed.connection
                )
                done += 1
        over = known.keys() - overdue.keys()
        ports.cases.close(KIND, sorted(over), RESOLVED)
    return done + len(over)
