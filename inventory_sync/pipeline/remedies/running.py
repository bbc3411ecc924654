"""Retries of what runs by itself: connections, streams, feeds, figures. Owed again at once."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from inventory_sync.cases.models import Case
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.connections.services import resume
from inventory_sync.ledger.services import mark_items_dirty, set_dirty_aside
from inventory_sync.pipeline.remedies.types import (
    Asked,
    Foreseen,
    Manner,
    Remedy,
    after_commit,
    facts,
    gone,
    held_back,
    number,
)


class ConnectionRemedy(Remedy):
    """A vendor that refuses us: resumed, its first call shows whether it still does."""

    kinds = ("connection",)
    page = "connections_connection"

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = Connection.objects.filter(pk=number(case.subject_id)).first()
        if row is None:
            return gone("The connection")
        told = facts(
            ("Connection", row.label), ("State", row.get_state_display()), ("Because", row.state_reason)
        )
        match row.state:
            case Connection.State.PAUSED:
                why = f"Staff paused {row.label}: resume it on its page, then it calls by itself."
                return Foreseen(Manner.NOTHING, why, told)
            case Connection.State.MISCONFIGURED:
                return Foreseen(
                    Manner.READ_FIRST,
                    "The connection is resumed with the settings and secrets it has now. It reads "
                    "first: if the vendor still refuses us, it stops again before anything is written.",
                    told,
                )
            case _:
                why = f"{row.label} runs: nothing is held back by its state."
                return Foreseen(Manner.NOTHING, why, told)

    def begin(self, case: Case, asked: Asked) -> None:
        connection_id = int(case.subject_id)
        resume(connection_id=connection_id, actor=asked.actor, reason=asked.reason)
        Cursor.objects.filter(connection_id=connection_id).update(run_at=asked.now)
        after_commit(partial(asked.wake.push, connection_id))


class StreamRemedy(Remedy):
    """A stream with pages that cannot be read: begun anew, so that they are asked for again."""

    kinds = ("stream",)

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = _cursor(case)
        if row is None:
            return gone("The stream")
        return Foreseen(
            Manner.READ_FIRST,
            "The stream is read on at once. What a page brings that is known already counts once. "
            "The case closes when a whole round was read without leaving anything out.",
            facts(
                ("Stream", f"{row.stream} of {row.connection.label}"),
                ("Last page", row.read_at and f"{row.read_at:%Y-%m-%d %H:%M:%S} UTC"),
                ("Last whole round", row.swept_at and f"{row.swept_at:%Y-%m-%d %H:%M:%S} UTC"),
                ("Failed in a row", row.failures or ""),
                ("Error", row.error_detail),
            ),
            waits=held_back(row.connection) if row.connection.state != Connection.State.ACTIVE else "",
        )

    def begin(self, case: Case, asked: Asked) -> None:
        row = _cursor(case)
        assert row is not None, "foresee was asked first"
        _read_soon(row.connection_id, asked, stream=row.stream)

    def page_id(self, case: Case) -> int | None:
        return None


class FeedRemedy(Remedy):
    """Numbers that a feed left out: its sender is asked for them again."""

    kinds = ("feed",)
    page = "ledger_gap"

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = Connection.objects.filter(pk=_feed(case)).first()
        if row is None:
            return gone("The connection")
        return Foreseen(
            Manner.READ_FIRST,
            "Everything the sender still holds is read again at once. What came already counts once; "
            "a number that comes closes its gap. One that is lost for good is declared lost on its page.",
            facts(("Sender", row.label), ("Missing", case.summary)),
            waits=held_back(row) if row.state != Connection.State.ACTIVE else "",
        )

    def begin(self, case: Case, asked: Asked) -> None:
        _read_soon(_feed(case), asked)

    def page_id(self, case: Case) -> int | None:
        return None


class FigureRemedy(Remedy):
    """An item whose figures could not be computed."""

    kinds = ("item",)
    page = "catalog_item"

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        row = Item.objects.filter(pk=number(case.subject_id)).first()
        if row is None:
            return gone("The item")
        return Foreseen(
            Manner.RECOMPUTED,
            "The figures of the item are computed again at once, from the stock and the policies of "
            "now. Those that change are pushed.",
            facts(("Item", str(row))),
        )

    def begin(self, case: Case, asked: Asked) -> None:
        item_id = int(case.subject_id)
        mark_items_dirty([item_id], now=asked.now, urgent=True, correlation_id=case.correlation_id)
        set_dirty_aside(item_id, until=asked.now)
        after_commit(asked.wake.compute)


def _cursor(case: Case) -> Cursor | None:
    code, _, stream = case.subject_id.partition("/")
    return Cursor.objects.select_related("connection").filter(connection__code=code, stream=stream).first()


def _feed(case: Case) -> int:
    return number(case.subject_id.partition(":")[0])


def _read_soon(connection_id: int, asked: Asked, *, stream: str = "") -> None:
    """Have streams of a connection read at once: one, or all."""
    rows = Cursor.objects.filter(connection_id=connection_id)
    rows = rows.filter(stream=stream) if stream else rows
    rows.update(run_at=asked.now)
    for name in rows.order_by("stream").values_list("stream", flat=True):
        after_commit(partial(asked.wake.want, "pipeline.sweep", connection_id=connection_id, stream=name))
