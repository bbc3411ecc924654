"""Answer requests one after the other against locked orders and one floor, in memory.

domain/requests.py says what may be asked, placing.py finds the stock; what was decided before in the batch is
seen by what is decided after. Plain code: the rows are locked and given, the caller saves them (requests.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.errors import ChannelDecides, NoPool, NoReservation, NotEnough, Refused
from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.requests import (
    Act,
    Stage,
    Verdict,
    hold_end,
    judge,
    judge_amendment,
    judge_version,
    stage_of,
)
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger.demand import HOLD_EXPIRED, NOT_APPROVED, WHY_ENDED
from inventory_sync.ledger.outcomes import as_asked, as_placed, given_back, may_end, rejected
from inventory_sync.ledger.placing import Floor, PlacedOrder, Way, place_order
from inventory_sync.ledger.plain_requests import reserve_plainly
from inventory_sync.ledger.ports import HeldLine, HeldOrder
from inventory_sync.ledger.request_types import Answer, Request, Terms, fingerprint, missing_of
from inventory_sync.ledger.sparing import sparing
from inventory_sync.ledger.types import OrderKey

NO_TERMS = Terms()
NOTHING_LEFT = "Not everything asked for is free."
SET_ASIDE = "Not everything asked for is free: some of it is set aside for other channels."
RUNNING = (Stage.HELD, Stage.REVIEW, Stage.COMMITTED, Stage.CLOSED)


class Clerk:
    """Decides requests in the order they are asked."""

    def __init__(
        self,
        held: Mapping[OrderKey, HeldOrder],
        floor: Floor,
        terms: Mapping[int, Terms],
        *,
        now: datetime,
        unmet: Mapping[str, Decimal] | None = None,
    ) -> None:
        """unmet: per item, what older lines wait for; what is given back goes to them before others."""
        self._before = held
        self._unmet = {item: quantity for item, quantity in (unmet or {}).items() if quantity > 0}
        self._orders = dict(held)
        self._floor = floor
        self._terms = terms
        self._now = now

    def changed(self) -> list[HeldOrder]:
        """Return the orders that are not as they were, in key order."""
        return [
            self._orders[key] for key in sorted(self._orders) if self._orders[key] is not self._before[key]
        ]

    def end_due(self, keys: Iterable[OrderKey]) -> None:
        """End the holds of these orders whose time is over."""
        for key in keys:
            if key in self._orders:
                self._without_due_hold(self._orders[key])

    def answer(self, request: Request, content: str = "") -> Answer:
        """Decide one request; what is refused changes nothing, but that a first RESERVE is remembered.

        content: its fingerprint, if that is known.
        """
        order = self._orders.get(request.key)
        if order is not None and order.requested:
            order = self._without_due_hold(order)
        if request.act.has_content:
            return self._answer_content(request, order, content)
        if order is None or not order.seen:
            return Answer(request, None, NoReservation(f"Nothing is reserved under {request.reference!r}."))
        if not order.requested:
            return Answer(request, order, _CHANNEL_DECIDES)
        stage = _stage(order)
        judged = judge(request.act, stage)
        if isinstance(judged, Refused):
            return Answer(request, order, judged)
        if judged is Verdict.REPEAT:
            return Answer(request, order, repeated=True)
        if request.act is Act.COMMIT or request.act is Act.APPROVE:
            return self._commit(request, order)
        if request.act is Act.EXTEND:
            return self._extend(request, order)
        exit_as = LineStatus.RELEASED if request.act is Act.RELEASE else LineStatus.CANCELLED
        after = self._end(order, exit_as, request.reason or f"{exit_as.value} by request")
        status = OrderStatus.RELEASED if request.act is Act.RELEASE else OrderStatus.CANCELLED
        if any(line.status.subtracts for line in after.lines.values()):
            status = OrderStatus.SHIPPED  # what has left stays owed until the books hold it
        return self._keep(request, replace(after, status=status, review=False))

    # ── content: reserve and amend ───────────────────────────────────────────────────────────────────

    def _answer_content(self, request: Request, order: HeldOrder | None, content: str) -> Answer:
        known = order is not None and order.seen
        if request.act is Act.AMEND and not known:
            return Answer(request, None, NoReservation(f"Nothing is reserved under {request.reference!r}."))
        terms = self._terms.get(request.connection_id, NO_TERMS)
        if order is None:
            return Answer(request, None, _NO_POOL)
        content = content or fingerprint(request)
        if not known:
            plainly = reserve_plainly(request, order, content, terms, self._floor, now=self._now)
            if plainly is not None:
                self._orders[request.key] = plainly
                return Answer(request, plainly)
        stage: Stage | None = None
        if known:
            if not order.requested:
                return Answer(request, order, _CHANNEL_DECIDES)
            judged = judge_version(request.version, content, known=order.stamp, content=order.fingerprint)
            if judged is Verdict.REPEAT:
                return _as_it_stands(request, order)
            stage = _stage(order)
            if judged is Verdict.DO and request.act is Act.AMEND:
                judged = judge_amendment(stage)
            if isinstance(judged, Refused):
                return Answer(request, order, judged)
        mode = order.mode if request.act is Act.AMEND else request.mode
        if not terms.pool and mode is not ReserveMode.RECORD:
            return Answer(request, order if known else None, _NO_POOL)
        return self._reserve(request, order, stage, content, mode, terms)

    def _reserve(
        self,
        request: Request,
        order: HeldOrder,
        stage: Stage | None,
        content: str,
        mode: ReserveMode,
        terms: Terms,
    ) -> Answer:
        after = self._version(request, order, stage, content, mode, terms)
        held = after.status is OrderStatus.UNPAID
        way = Way(terms.pool, mode, terms.rules, {} if held else terms.allowance)
        placed, spared = self._placed(after, order, way, terms)
        if not placed.refused:
            done = as_placed(after, placed, held=held)
            if not placed.missing or any(not line.status.is_exit for line in done.lines.values()):
                return self._keep(request, done)
            self._floor.undo()
        refused = NotEnough(SET_ASIDE if spared else NOTHING_LEFT)
        if stage in RUNNING:
            return Answer(request, order, refused, placed.missing)
        lines = {ref: rejected(line, placed.missing) for ref, line in after.lines.items()}
        over = replace(after, lines=lines, status=OrderStatus.RELEASED, review=False)
        return self._keep(request, over, refused)

    def _placed(self, after: HeldOrder, order: HeldOrder, way: Way, terms: Terms) -> tuple[PlacedOrder, bool]:
        """Place an order, out of reach of what is set aside for others; say whether anything is.

        What was sold already is recorded wherever it is.
        """
        if way.mode is ReserveMode.RECORD:
            return place_order(after, order, way, self._floor), False
        with sparing(self._floor, terms, {line.item_id for line in after.lines.values()}) as spared:
            return place_order(after, order, way, self._floor), spared

    def _version(
        self,
        request: Request,
        order: HeldOrder,
        stage: Stage | None,
        content: str,
        mode: ReserveMode,
        terms: Terms,
    ) -> HeldOrder:
        """Return the order as this version wants it, before it is placed."""
        runs = stage in RUNNING
        since = order.placed_at if runs and order.placed_at is not None else self._now
        review = stage is Stage.REVIEW or (request.act is Act.RESERVE and request.review)
        committed = stage in (Stage.COMMITTED, Stage.CLOSED)
        if request.act is Act.AMEND:
            held = stage in (Stage.HELD, Stage.REVIEW)
        else:
            held = not committed and (request.hold is not None or review)
        until = max((line.expires_at for line in order.lines.values() if line.expires_at), default=None)
        if not held:
            until = None
        elif request.act is Act.RESERVE or until is None:
            until = hold_end(
                now=self._now,
                since=since,
                asked=request.hold,
                window=terms.review_max if review else terms.hold_max,
                before=until if runs else None,
            )

        lines = dict(order.lines)
        named = {line.line_ref: line for line in request.lines}
        for ref, line in lines.items():
            wanted = named.pop(ref, None)
            if wanted is not None:
                lines[ref] = as_asked(line, wanted.item_id, wanted.quantity, until, held=held)
            elif request.act is Act.RESERVE:
                lines[ref] = as_asked(line, line.item_id, ZERO, None, held=held)
            elif line.status is LineStatus.HELD:
                lines[ref] = replace(line, expires_at=until)
        for ref, wanted in named.items():
            new = HeldLine(ref, wanted.item_id, wanted.quantity, LineStatus.REQUESTED)
            lines[ref] = as_asked(new, wanted.item_id, wanted.quantity, until, held=held)
        return replace(
            order,
            seen=True,
            requested=True,
            mode=mode,
            review=review and held,
            status=OrderStatus.UNPAID if held else OrderStatus.COMMITTED,
            stamp=request.version,
            fingerprint=content,
            placed_at=since,
            gone=None,
            lines=lines,
            correlation_id=request.correlation_id or order.correlation_id,
        )

    # ── the other acts ───────────────────────────────────────────────────────────────────────────────

    def _commit(self, request: Request, order: HeldOrder) -> Answer:
        """Make a sale of a hold as it stands; of an expired one only if everything is free again."""
        reason = f"approved: {request.reason}" if request.reason else ""
        anew = _stage(order) is Stage.EXPIRED
        came_from = LineStatus.EXPIRED if anew else LineStatus.HELD
        lines = {
            ref: replace(line, status=LineStatus.COMMITTED, expires_at=None, reason=reason or line.reason)
            if line.status is came_from
            else line
            for ref, line in order.lines.items()
        }
        after = replace(order, lines=lines, status=OrderStatus.COMMITTED, review=False)
        if not anew:
            return self._keep(request, after)
        terms = self._terms.get(request.connection_id, NO_TERMS)
        mode = order.mode if order.mode is ReserveMode.RECORD else ReserveMode.ALL_OR_NOTHING
        way = Way(terms.pool, mode, terms.rules, terms.allowance)
        placed, _ = self._placed(after, order, way, terms)
        if placed.refused:
            refused = NotEnough("The hold has ended, and not everything is free any more.")
            return Answer(request, order, refused, placed.missing)
        return self._keep(request, as_placed(after, placed, held=False))

    def _extend(self, request: Request, order: HeldOrder) -> Answer:
        terms = self._terms.get(request.connection_id, NO_TERMS)
        held = [line for line in order.lines.values() if line.status is LineStatus.HELD]
        asked = request.until - self._now if request.until is not None else request.hold
        until = hold_end(
            now=self._now,
            since=order.placed_at or self._now,
            asked=asked,
            window=terms.review_max if order.review else terms.hold_max,
            before=max((line.expires_at for line in held if line.expires_at), default=None),
        )
        lines = dict(order.lines) | {line.line_ref: replace(line, expires_at=until) for line in held}
        if lines == order.lines:
            return Answer(request, order, repeated=True)
        return self._keep(request, replace(order, lines=lines))

    def _without_due_hold(self, order: HeldOrder) -> HeldOrder:
        """End a hold whose time is over, before anything is asked of it."""
        if not any(
            line.status is LineStatus.HELD and line.expires_at is not None and line.expires_at <= self._now
            for line in order.lines.values()
        ):
            return order
        reason = WHY_ENDED[LineStatus.EXPIRED]
        if order.requested:
            reason = NOT_APPROVED if order.review else HOLD_EXPIRED
        ended = self._end(order, LineStatus.EXPIRED, reason, only=LineStatus.HELD)
        self._withhold_freed(order, ended)
        self._orders[order.key] = ended
        return ended

    def _end(
        self, order: HeldOrder, exit_as: LineStatus, reason: str, *, only: LineStatus | None = None
    ) -> HeldOrder:
        """Take open lines out, and give back what no books hold of them."""
        lines = {
            ref: replace(line, status=exit_as, reason=reason[:200])
            if (line.status is only if only else may_end(line.status, exit_as))
            else line
            for ref, line in order.lines.items()
        }
        after = replace(order, lines=lines)
        placed = place_order(after, order, Way(), self._floor)
        return replace(
            after,
            lines={
                ref: line
                if line.allocations == placed.lines[ref].allocations
                else replace(line, allocations=placed.lines[ref].allocations)
                for ref, line in lines.items()
            },
        )

    def _withhold_freed(self, before: HeldOrder, after: HeldOrder) -> None:
        """Keep what an order has given back for those who wait for its items."""
        if not self._unmet:
            return
        for (item, place), freed in given_back(before, after).items():
            kept = min(freed, self._unmet.get(item, ZERO))
            if kept > 0:
                self._floor.take(item, place, kept)
                self._unmet[item] -= kept

    def _keep(self, request: Request, order: HeldOrder, refused: Refused | None = None) -> Answer:
        self._withhold_freed(self._orders[request.key], order)
        self._orders[request.key] = order
        return Answer(request, order, refused, missing_of(order.lines.values()))


_CHANNEL_DECIDES = ChannelDecides("The channel has reported this order itself; change it there.")
_NO_POOL = NoPool("No location may serve this channel.")


def _as_it_stands(request: Request, order: HeldOrder) -> Answer:
    """Answer a version that was decided before: as then, if nothing has happened since."""
    # What this version no longer asks for has ended before, and says nothing of the rest.
    statuses = {line.status for line in order.lines.values() if line.asked is None or line.asked}
    refused = NotEnough(NOTHING_LEFT) if statuses == {LineStatus.REJECTED} else None
    return Answer(request, order, refused, missing_of(order.lines.values()), repeated=True)


def _stage(order: HeldOrder) -> Stage:
    return stage_of([line.status for line in order.lines.values()], review=order.review)
