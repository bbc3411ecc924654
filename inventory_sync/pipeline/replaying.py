"""Apply a stretch of deliveries again: chosen by time, connection, topic or item; frozen, then handed back.

Safe by construction: an event counts once by its key, an order by its version, a reading by its number. They
go through the replay tier, so that nothing new waits behind them. Those that wait anyway are left out, and
those of which an edited copy was applied instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from django.db import transaction
from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Concat

from inventory_sync.audit import services as audit
from inventory_sync.cases.services import name_of
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.domain.ports import Clock
from inventory_sync.intake.models import Delivery
from inventory_sync.intake.services import REPLAY_TIER, hand_back
from inventory_sync.ledger.models import Event, Reservation
from inventory_sync.pipeline.models_replays import EditedCopy, Replay
from inventory_sync.pipeline.wake import Waker

MOST = 100_000
SAMPLE = 10
EVERY = timedelta(seconds=2)
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries: received from `since` and before `until`; None and "" leave the rest open."""

    since: datetime
    until: datetime
    connection: Connection | None = None
    topic: str = ""
    item: Item | None = None
    state: str = ""

    @property
    def in_words(self) -> dict[str, str]:
        words = {
            "received": f"{self.since:%Y-%m-%d %H:%M:%S} to {self.until:%Y-%m-%d %H:%M:%S} UTC",
            "connection": self.connection.code if self.connection else "",
            "topic": self.topic,
            "item": self.item.sku if self.item else "",
            "state": self.state,
        }
        return {name: word for name, word in words.items() if word}


@dataclass(frozen=True, slots=True)
class Found:
    """What a replay would apply: how many, of which kinds, and the first few."""

    total: int
    kinds: tuple[tuple[str, str, str, int], ...]
    """(connection, topic, state, how many)."""
    sample: tuple[Delivery, ...]
    last_id: int

    @property
    def too_many(self) -> bool:
        return self.total > MOST


def found(wanted: Wanted) -> Found:
    rows = _chosen(wanted)
    grouped = rows.order_by("connection__code", "topic", "state").values_list(
        "connection__code", "topic", "state"
    )
    kinds = tuple(grouped.annotate(many=Count("pk")))
    sample = rows.defer("body", "headers").select_related("connection").order_by("id")[:SAMPLE]
    last = rows.order_by("-id").values_list("id", flat=True).first() or 0
    return Found(sum(kind[3] for kind in kinds), kinds, tuple(sample), last)


def start(
    wanted: Wanted, *, up_to: int, actor: audit.Actor, reason: str, now: datetime, per_minute: int = 600
) -> Replay:
    """Freeze what was shown (ids up to `up_to`) as a set, to be applied again at this pace at most."""
    with transaction.atomic():
        rows = _chosen(wanted).filter(pk__lte=up_to).order_by("id")
        ids = list(rows.values_list("id", flat=True)[:MOST])
        replay = Replay.objects.create(
            filters=wanted.in_words,
            delivery_ids=ids,
            state=Replay.State.RUNNING if ids else Replay.State.DONE,
            per_minute=per_minute,
            asked_by=name_of(actor),
            reason=reason,
            run_at=now,
            finished_at=None if ids else now,
        )
        audit.record(
            actor=actor,
            action="replay.started",
            subject=replay,
            after={**wanted.in_words, "deliveries": len(ids), "per_minute": per_minute},
            reason=reason,
        )
    return replay


def cancel(replay_id: int, *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Hand back none of the rest; returns how many that are. What was handed back is applied."""
    with transaction.atomic():
        row = Replay.objects.select_for_update().get(pk=replay_id)
        if row.state != Replay.State.RUNNING:
            return 0
        left = len(row.delivery_ids) - row.position
        row.state, row.finished_at = Replay.State.CANCELLED, now
        row.save(update_fields=["state", "finished_at", "updated_at"])
        after = {"not_handed_back": left}
        audit.record(actor=actor, action="replay.cancelled", subject=row, after=after, reason=reason)
    return left


def any_due(now: datetime) -> bool:
    return Replay.objects.filter(state=Replay.State.RUNNING, run_at__lte=now).exists()


def replay_due(*, clock: Clock, wake: Waker, until: Callable[[], bool] = lambda: False) -> int:
    """Hand back the next deliveries of every set that is due, each in one transaction; returns how many.

    Whoever dies in between has handed back a chunk and moved on, or neither.
    """
    total = 0
    while not until():
        now = clock()
        with transaction.atomic():
            due = Replay.objects.filter(state=Replay.State.RUNNING, run_at__lte=now).order_by("run_at", "pk")
            row = due.select_for_update(skip_locked=True).first()
            if row is None:
                return total
            total += _hand_back_some(row, now)
            transaction.on_commit(partial(wake.drain_intake, REPLAY_TIER), robust=True)
    return total


def progress(row: Replay) -> dict[str, int]:
    """Return how many of the set wait, and how many of the others are in which state or gone since."""
    counts: Counter[str] = Counter()
    handed = iter(row.delivery_ids[: row.position])
    while ids := list(islice(handed, 10_000)):
        states = Delivery.objects.filter(pk__in=ids).order_by().values_list("state").annotate(Count("pk"))
        counts.update(dict(states))
    known = counts.total()
    return {"waiting": len(row.delivery_ids) - row.position, "gone": row.position - known, **counts}


def outcomes(row: Replay, *, state: str = "") -> QuerySet[Delivery]:
    """Return the deliveries handed back so far, as they are now: those in trouble first."""
    rows = Delivery.objects.filter(pk__in=row.delivery_ids[: row.position]).defer("body", "headers")
    rows = rows.filter(state=state) if state else rows
    return rows.select_related("connection").order_by(F("state").desc(), "id")


def _hand_back_some(row: Replay, now: datetime) -> int:
    size = max(1, min(_CHUNK, int(row.per_minute * EVERY / timedelta(minutes=1))))
    ids = row.delivery_ids[row.position : row.position + size]
    done = hand_back(ids, now=now)
    row.position += len(ids)
    row.run_at = now + timedelta(minutes=1) * len(ids) / row.per_minute
    if row.position >= len(row.delivery_ids):
        row.state, row.finished_at = Replay.State.DONE, now
    row.save(update_fields=["position", "run_at", "state", "finished_at", "updated_at"])
    return done


def _chosen(wanted: Wanted) -> QuerySet[Delivery]:
    replaced = Delivery.objects.filter(
        state=Delivery.State.DONE, pk__in=EditedCopy.objects.values("copy_id")
    ).values("pk")
    rows = Delivery.objects.filter(received_at__gte=wanted.since, received_at__lt=wanted.until)
    rows = rows.exclude(state=Delivery.State.PENDING)
    rows = rows.exclude(pk__in=EditedCopy.objects.filter(copy_id__in=replaced).values("origin_id"))
    if wanted.connection is not None:
        rows = rows.filter(connection=wanted.connection)
    if wanted.topic:
        rows = rows.filter(topic=wanted.topic)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.item is not None:
        rows = rows.filter(pk__in=_about(wanted.item, rows).values("pk"))
    return rows


def _about(item: Item, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return those that posted something of an item, or carry an order that wants it."""
    posted = Event.objects.filter(item=item, delivery_id__isnull=False).values("delivery_id")
    orders = Reservation.objects.filter(item=item).values(
        connection=F("order__connection_id"), key=Concat(Value("order:"), F("order__order_ref"))
    )
    keys = [(each["connection"], each["key"]) for each in orders.distinct()]
    by_order: dict[int, list[str]] = {}
    for connection_id, key in keys:
        by_order.setdefault(connection_id, []).append(key)
    about = rows.filter(pk__in=posted)
    for connection_id, named in by_order.items():
        about |= rows.filter(connection_id=connection_id, object_key__in=named)
    return about
