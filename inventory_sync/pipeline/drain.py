"""Drain deliveries: claim a shard, translate, then apply the batch in one transaction with its "done".

A failing batch is halved until the poison row stands alone; it is parked after a few tries and its
neighbours proceed. A batch that takes long keeps its shard, renewing the lease between its steps: only an
owner that stands still for a whole lease counts as lost. Knows neither Django nor the broker, only ports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from inventory_sync.domain.errors import (
    FenceLost,
    MalformedPayload,
    Parked,
    Poisoned,
    Rejected,
    SyncError,
    Transient,
)
from inventory_sync.domain.external import ExternalEvent, OrderReported, OrderVanished
from inventory_sync.domain.lane import retry_after
from inventory_sync.intake.ports import Claim, Finds, NumberUsed, Outcome, Parking, Result, StoredDelivery
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.types import Applied
from inventory_sync.pipeline import owning
from inventory_sync.pipeline.hints import as_hints
from inventory_sync.pipeline.numbers import numbers_of, reused
from inventory_sync.pipeline.occurring import occurred_at
from inventory_sync.pipeline.ports import Ports
from inventory_sync.pipeline.resolve import Resolved, resolve
from inventory_sync.pipeline.serving import serve_waiting
from inventory_sync.propagation.ports import News
from inventory_sync.support import correlation
from inventory_sync.support.logs import get_logger
from inventory_sync.support.redaction import in_words, redact

log = get_logger(__name__)

COUNTED = ("deliveries", "events", "duplicates", "orders", "parked", "rejected", "retried", "poisoned")


@dataclass(frozen=True, slots=True)
class Translated:
    """A delivery and what it says, or the outcome that already settles it."""

    stored: StoredDelivery
    events: tuple[ExternalEvent, ...] = ()
    settled: Outcome | None = None


class Hold:
    """A claim that is kept while its owner goes on: half a lease before its end it is renewed.

    Nobody takes a shard over while a transaction that checked its fence runs; between them the lease counts.
    """

    def __init__(self, claim: Claim, *, ports: Ports) -> None:
        self._claim, self._ports = claim, ports

    def kept(self) -> Claim:
        """Return the claim, renewed if need be; raises FenceLost when another owner has taken over."""
        now, lease = self._ports.clock(), self._ports.limits.lease
        if now > self._claim.lease_until - lease / 2:
            self._claim = self._ports.intake.renew(self._claim, until=now + lease)
        return self._claim


def drain(
    tier: str,
    *,
    ports: Ports,
    until: Callable[[], bool] = lambda: False,
    connection_id: int | None = None,
) -> dict[str, int]:
    """Drain the tier until nothing is due or `until` says stop; returns counts for Flower and the log."""
    counts: Counter[str] = Counter()
    while not until():
        claim = ports.intake.claim(
            tier,
            now=ports.clock(),
            lease=ports.limits.lease,
            limit=ports.limits.batch_rows,
            connection_id=connection_id,
        )
        if claim is None:
            break
        done: Counter[str] = Counter()
        with correlation.bound_all((one.correlation_id for one in claim.deliveries), new_id=ports.new_id):
            try:
                drain_claim(claim, ports=ports, counts=done)
            except FenceLost:
                log.warning("lease.lost", tier=tier, shard=claim.shard)
            if done:
                log.info("intake.drained", tier=tier, shard=claim.shard, **done)
        counts.update(done)
    return dict(counts)


def drain_claim(claim: Claim, *, ports: Ports, counts: Counter[str]) -> None:
    """Apply the deliveries of one claim and give the shard back."""
    hold = Hold(claim, ports=ports)
    translated = []
    for one in claim.deliveries:
        translated.append(translate(one, ports=ports))
        hold.kept()
    _apply(hold, translated, ports=ports, counts=counts)
    ports.intake.release(claim)


def translate(stored: StoredDelivery, *, ports: Ports) -> Translated:
    """Translate one delivery; whatever goes wrong is this delivery's own outcome. No I/O."""
    if stored.attempts > ports.limits.max_attempts:
        return Translated(stored, settled=poisoned(stored, "It ended its worker several times."))
    try:
        connector, config = ports.connector(stored.connector), ports.config(stored.connection_id)
    except SyncError as error:  # anything else is a database that did not answer: no fault of the delivery
        return Translated(stored, settled=poisoned(stored, f"{type(error).__name__}: {error}"))
    try:
        events = tuple(connector.translate(stored.delivery, config))
        if stored.delivery.source == "hint":
            events = as_hints(events)
        return Translated(stored, events)
    except MalformedPayload as error:
        where = f" (field {error.field})" if error.field else ""
        line = Parking("", error.code, f"{error.detail}{where}", summary=stored.delivery.topic)
        return Translated(stored, settled=_outcome(stored, Result.PARKED, error.code, error.detail, (line,)))
    except Rejected as error:
        return Translated(stored, settled=_outcome(stored, Result.REJECTED, error.code, error.detail))
    except Parked as error:
        line = Parking("", error.code, error.detail, error.waits_on, stored.delivery.topic)
        return Translated(stored, settled=_outcome(stored, Result.PARKED, error.code, error.detail, (line,)))
    except Exception as error:
        with correlation.bound(correlation_id=stored.correlation_id):
            log.exception("delivery.failed", delivery=stored.id, topic=stored.delivery.topic)
        return Translated(stored, settled=poisoned(stored, in_words(error)))


def poisoned(stored: StoredDelivery, why: str) -> Outcome:
    """Return the outcome of a delivery that cannot be processed: parked whole, for a person."""
    line = Parking("", Poisoned.code, why, summary=stored.delivery.topic)
    return _outcome(stored, Result.PARKED, Poisoned.code, why, (line,))


def _outcome(
    stored: StoredDelivery, result: Result, code: str, detail: str, parked: tuple[Parking, ...] = ()
) -> Outcome:
    return Outcome(stored.id, stored.connection_id, result, code=code, detail=detail, parked=parked)


def _apply(hold: Hold, batch: Sequence[Translated], *, ports: Ports, counts: Counter[str]) -> None:
    """Apply a batch, or its halves if it fails; a row that fails alone waits and is parked in the end."""
    claim = hold.kept()
    try:
        with ports.intake.transaction():
            ports.intake.check_fence(claim)
            done, touched = _apply_all(batch, ports=ports)
    except FenceLost:
        raise
    except Exception as error:  # noqa: BLE001 - whatever fails, the batch is halved to find the row
        if len(batch) > 1:
            middle = len(batch) // 2
            _apply(hold, batch[:middle], ports=ports, counts=counts)
            _apply(hold, batch[middle:], ports=ports, counts=counts)
            return
        _give_up_or_wait(hold.kept(), batch[0].stored, error, ports=ports, counts=counts)
        return
    counts.update(done)
    serve_waiting(touched, ports=ports)


def _apply_all(batch: Sequence[Translated], *, ports: Ports) -> tuple[Counter[str], set[int]]:
    """Do one batch inside the transaction: resolve, post, decide, note, finish.

    Returns the counts, and the items whose stock or demand changed.
    """
    now = ports.clock()
    batch, numbers = _with_numbers_of_their_own(batch, ports=ports)
    resolved = resolve(
        [(one.stored, one.events) for one in batch if one.settled is None],
        catalog=ports.catalog,
        now=now,
        tolerance=ports.limits.future_tolerance,
        numbers=numbers,
    )
    applied = apply_batch(
        resolved.events,
        resolved.orders,
        store=ports.ledger,
        now=now,
        tolerance=ports.limits.future_tolerance,
        announced=resolved.expectations,
        picks=resolved.picks,
        late=ports.limits.late_movements,
        cut=resolved.cut,
        came=resolved.came,
    )
    ports.ledger.note_observations(resolved.observations, now=now)
    outcomes = [_settle(one, resolved, applied) for one in batch]

    ports.lanes.note_news(
        [News(news.connection_id, news.item_id, news.delta) for news in applied.decided.news], now=now
    )
    ports.lanes.observe(resolved.sightings, now=now)
    mirrored = ports.note_moved({(each.item_id, each.location_id) for each in resolved.events}, now=now)
    ports.intake.want_reads(resolved.reads_after(applied), now=now)
    ports.intake.count_finds(_finds(batch, applied))
    drained = [(one.stored, one.events, outcome) for one, outcome in zip(batch, outcomes, strict=True)]
    owning.own(drained, applied, cases=ports.cases)
    owning.settle(drained, ports.intake.finish(outcomes, now=now), ports=ports)

    done = Counter(
        {
            name: count
            for name, count in {
                "deliveries": len(batch),
                "events": applied.posted.recorded,
                "duplicates": applied.posted.duplicates,
                "orders": applied.decided.applied,
                "mirrored": mirrored,
                "parked": sum(1 for one in outcomes if one.result is Result.PARKED),
                "rejected": sum(1 for one in outcomes if one.result is Result.REJECTED),
            }.items()
            if count
        }
    )
    return done, {*applied.posted.touched, *applied.decided.touched}


def _with_numbers_of_their_own(
    batch: Sequence[Translated], *, ports: Ports
) -> tuple[list[Translated], list[NumberUsed]]:
    """Set aside messages that use a number another message of their source has; return what others used."""
    used = {one.stored.id: numbers_of(one.stored, one.events) for one in batch if one.settled is None}
    taken = ports.intake.claim_numbers([number for numbers in used.values() for number in numbers])
    if not taken:
        return list(batch), [number for numbers in used.values() for number in numbers]
    checked: list[Translated] = []
    for one in batch:
        line = reused(used.get(one.stored.id, ()), taken)
        if line is not None:
            line = replace(line, summary=one.stored.delivery.topic)
            parked = _outcome(one.stored, Result.PARKED, line.code, line.detail, (line,))
            one = Translated(one.stored, settled=parked)
        checked.append(one)
    own = [number for one in checked if one.settled is None for number in used[one.stored.id]]
    return checked, own


def _settle(one: Translated, resolved: Resolved, applied: Applied) -> Outcome:
    if one.settled is not None:
        return one.settled
    parked = resolved.parked_of(one.stored, applied)
    result = Result.PARKED if parked else Result.DONE
    code, detail = (parked[0].code, parked[0].detail) if parked else ("", "")
    return replace(
        _outcome(one.stored, result, code, detail, tuple(parked)),
        events=len(one.events),
        occurred_at=occurred_at(one.events),
    )


def _finds(batch: Sequence[Translated], applied: Applied) -> list[Finds]:
    """Count what a sweep brought that nothing had announced: it changed the ledger."""
    found: Counter[tuple[int, str]] = Counter()
    for one in batch:
        if one.stored.delivery.source != "sweep":
            continue
        if any(_is_news(one.stored.connection_id, event, applied) for event in one.events):
            found[(one.stored.connection_id, one.stored.delivery.headers.get("stream", ""))] += 1
    return [Finds(connection_id, stream, count) for (connection_id, stream), count in sorted(found.items())]


def _is_news(connection_id: int, event: ExternalEvent, applied: Applied) -> bool:
    if isinstance(event, OrderReported | OrderVanished):
        return (connection_id, event.order_ref) in applied.decided.changed
    name = (connection_id, event.key)
    return name in applied.posted.new or name in applied.expected.new


def _give_up_or_wait(
    claim: Claim, stored: StoredDelivery, error: Exception, *, ports: Ports, counts: Counter[str]
) -> None:
    """Put a row that failed alone back for later, or park it when it has had its tries."""
    now: datetime = ports.clock()
    with correlation.bound(correlation_id=stored.correlation_id):
        log.error("delivery.failed", delivery=stored.id, attempts=stored.attempts, error=repr(error))
    if stored.attempts >= ports.limits.max_attempts and not isinstance(error, Transient):
        outcome = poisoned(stored, in_words(error))
        counts["poisoned"] += 1
    else:
        wait = retry_after(stored.attempts, ports.jitter())
        outcome = replace(_outcome(stored, Result.RETRY, "", redact(str(error))), run_at=now + wait)
        counts["retried"] += 1
    with ports.intake.transaction():
        ports.intake.check_fence(claim)
        ports.cases.open_all(owning.of_delivery(stored, (), outcome))
        owning.settle([(stored, (), outcome)], ports.intake.finish([outcome], now=now), ports=ports)
