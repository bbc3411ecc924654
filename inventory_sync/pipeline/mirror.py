"""Tell a connection the movements of locations whose stock it mirrors, each once.

    lease → cut → read → mark as sent → book → read what was refused → settle

Every step leaves its mark in the rows before the next begins, so a worker may die anywhere. Nothing is sent
that was not read, and nothing again before the longest life of the request before has passed. What is owed
waits in the ledger while enough is in documents already, so an outage makes few documents, not many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from inventory_sync.connections import writers
from inventory_sync.connections.budgets import may_call
from inventory_sync.connections.writers import Writer
from inventory_sync.domain.commands import DocumentState, Done, Mirror
from inventory_sync.domain.errors import (
    CancelledThere,
    FenceLost,
    LeftOpen,
    Misconfigured,
    NameTaken,
    OutcomeUnknown,
    RateLimited,
    SyncError,
    Transient,
)
from inventory_sync.domain.lane import retry_after
from inventory_sync.domain.writing import Writing
from inventory_sync.pipeline.ports import Account, Ports
from inventory_sync.propagation import mirror_documents as documents
from inventory_sync.propagation import mirror_selectors as selectors
from inventory_sync.propagation.mirror_acts import CASE_KIND
from inventory_sync.propagation.mirror_cut import Cut, compare, cut
from inventory_sync.propagation.mirror_documents import Fate, Held, Next, State
from inventory_sync.support import correlation, spending
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

HOLDER = "mirror"
CALLS_PER_TURN = 4
SEND_WITHIN = timedelta(seconds=10)  # of the mark; who comes to it later sends nothing
READ_AGAIN = timedelta(seconds=5)
READ_FAILED = timedelta(seconds=15)  # until who does not answer is asked again
LEVELS_PER_CUT = 500
LEVEL_KIND = "mirror_level"


def mirror(account: Account, *, ports: Ports, until: Callable[[], bool] = lambda: False) -> dict[str, int]:
    """Work off what is owed to a mirror until nothing is due, its budget is spent or time is up."""
    if ports.lanes.writing(account.id) is not Writing.LIVE:
        return {"not_writing": 1}
    totals: Counter[str] = Counter()
    life = timedelta(seconds=account.capabilities.max_request_life_s)
    now = ports.clock()
    writer = writers.claim(account.id, HOLDER, now=now, until=now + life)
    if writer is None:
        return {"others_write": 1}
    try:
        with correlation.bound(correlation_id=ports.new_id()):
            totals["compared"] += _compare(account, ports=ports)
            while True:
                writer = writers.renew(writer, until=ports.clock() + life)
                counts = _turn(writer, account, life=life, ports=ports)
                totals.update(counts)
                if not counts["moved_on"] or until():
                    break
    except FenceLost as error:
        log.warning("lease.lost", holder=HOLDER, detail=error.detail)
    finally:
        writers.release(writer)
    del totals["moved_on"]
    counted = {name: count for name, count in totals.items() if count}
    if counted:
        log.info("mirror.done", connection=account.code, **counted)
    return counted


def _compare(account: Account, *, ports: Ports) -> int:
    """Compare places that nobody has compared for a while; return how many levels were behind."""
    now = ports.clock()
    due = selectors.places_to_compare(account.id, before=now - ports.limits.mirror_compare_every)
    return sum(compare(place_id, now=now) for place_id in due)


def _turn(writer: Writer, account: Account, *, life: timedelta, ports: Ports) -> Counter[str]:
    """Carry out one batch; `moved_on` says whether there may be more at once."""
    counts: Counter[str] = Counter()
    most = ports.limits.mirror_lines
    if documents.open_lines(account.id) < most:
        done = _cut(account, ports=ports)
        counts.update(cut_levels=done.levels, cut_documents=done.documents, moved_on=done.levels)
    now = ports.clock()
    held = documents.due(account.id, now=now, most_lines=most)
    if not held:
        return counts
    if wait_s := may_call(account.id, CALLS_PER_TURN):
        counts.update(waits_for_budget_ms=int(wait_s * 1000))
        counts["moved_on"] = 0
        return counts
    account.exchanges.clear()
    client: Mirror = account.client  # type: ignore[assignment]  # capabilities.mirrors_stock says so
    fates, whole = _work(writer, client, held, life=life, ports=ports)
    with ports.lanes.transaction():
        writers.check(writer)
        settled = documents.settle(fates, now=ports.clock())
        _tell(account, fates, ports=ports)
    _heed(account, whole, ports=ports)
    counts.update(settled)
    counts["moved_on"] = (
        sum(settled[name] for name in (State.BOOKED, State.REFUSED, "split")) if not whole else 0
    )
    return counts


def _cut(account: Account, *, ports: Ports) -> Cut:
    """Put what has moved into documents; own by a case each item the target has no word for."""
    with ports.lanes.transaction():
        done = cut(
            account.id,
            lock=lambda keys: ports.ledger.lock_levels(keys, create=()),
            now=ports.clock(),
            most_levels=LEVELS_PER_CUT,
            most_lines=ports.limits.mirror_lines,
        )
        for each in done.blocked:
            ports.cases.open(
                each.error.code,
                LEVEL_KIND,
                str(each.level_id),
                f"Movements of {each.sku} cannot be booked at {account.code}: {each.error.detail}",
                connection=account.code,
                item_id=each.item_id,
            )
        ports.cases.close(LEVEL_KIND, [str(level_id) for level_id in done.freed], "It could be booked.")
    return done


def _work(
    writer: Writer, client: Mirror, held: Sequence[Held], *, life: timedelta, ports: Ports
) -> tuple[list[Fate], SyncError | None]:
    """Read the documents, send what may be sent; return what became of each, and what failed as a whole."""
    try:
        seen = _read(client, held)
    except SyncError as error:
        return [_again(each, error, ports=ports, rest=READ_FAILED) for each in held], error
    now = ports.clock()
    fates: list[Fate] = []
    sending: list[Held] = []
    for each in held:
        match documents.judge(each, seen[each.name], now=now):
            case Next.BOOKED:
                fates.append(Fate(each, State.BOOKED))
            case Next.SEND:
                sending.append(each)
            case Next.WAIT:
                assert each.ambiguous_until is not None
                soon = min(each.ambiguous_until, now + READ_AGAIN)
                fates.append(Fate(each, State.UNKNOWN, run_at=soon, ambiguous_until=each.ambiguous_until))
            case Next.NAME_TAKEN:
                detail = f"{each.name} is known there ({seen[each.name].value}) and was never sent from here."
                fates.append(Fate(each, State.REFUSED, error=NameTaken(detail)))
            case Next.CANCELLED:
                detail = f"{each.name} was cancelled there; trying again books it under a new name."
                fates.append(Fate(each, State.REFUSED, error=CancelledThere(detail)))
    if not sending:
        return fates, None
    sent, whole = _send(writer, client, sending, life=life, ports=ports)
    return fates + sent, whole


def _send(
    writer: Writer, client: Mirror, sending: Sequence[Held], *, life: timedelta, ports: Ports
) -> tuple[list[Fate], SyncError | None]:
    """Mark them as sent, send them in one call, and say what became of each."""
    with ports.lanes.transaction():
        marked = ports.clock()
        writers.renew(writer, until=marked + SEND_WITHIN + life)  # reading may have taken most of the lease
        documents.mark_sent(sending, now=marked, ambiguous_until=marked + SEND_WITHIN + life)
    sending = [replace(each, attempts=each.attempts + 1, unknown=True) for each in sending]
    if ports.lanes.writing(writer.connection_id) is not Writing.LIVE:
        raise FenceLost(
            "The connection is not written to any more: what was marked is read before it is sent."
        )
    if ports.clock() > marked + SEND_WITHIN:
        raise FenceLost(f"Held up between the mark and the call for more than {SEND_WITHIN.seconds} s.")
    try:
        with spending.writing(lambda: ports.clock() <= marked + SEND_WITHIN):
            results = _book(client, sending)
    except OutcomeUnknown as error:
        return [_unknown(each, error, life=life, ports=ports) for each in sending], error
    except SyncError as error:  # of the whole call: nothing of it was done
        return [_again(each, error, ports=ports) for each in sending], error
    fates: list[Fate] = []
    refused: list[tuple[Held, Done]] = []
    for each, done in zip(sending, results, strict=True):
        if done.error is None:
            fates.append(Fate(each, State.BOOKED, target_name=done.document))
        elif isinstance(done.error, OutcomeUnknown):
            fates.append(_unknown(each, done.error, life=life, ports=ports))
        elif isinstance(done.error, Transient | Misconfigured):
            fates.append(_again(each, done.error, ports=ports))
        else:
            refused.append((each, done))
    whole = next((done.error for done in results if isinstance(done.error, Misconfigured)), None)
    return fates + (_read_refused(client, refused, ports=ports) if refused else []), whole


def _read(client: Mirror, held: Sequence[Held]) -> Mapping[str, DocumentState]:
    """Return the state of every one of them; raises SyncError, for a fault of the connector too."""
    try:
        seen = client.read_documents([each.name for each in held])
        return {each.name: seen[each.name] for each in held}
    except SyncError:
        raise
    except Exception as error:
        log.exception("mirror.failed", step="read", documents=len(held))
        raise OutcomeUnknown(f"{type(error).__name__}: {error}") from error


def _book(client: Mirror, sending: Sequence[Held]) -> list[Done]:
    """Return one result for each; raises SyncError. What a fault of the connector did nobody knows."""
    try:
        results = client.book_documents([each.document for each in sending])
        if len(results) != len(sending):
            raise RuntimeError(f"{len(results)} results for {len(sending)} documents")
        return results
    except SyncError:
        raise
    except Exception as error:
        log.exception("mirror.failed", step="book", documents=len(sending))
        raise OutcomeUnknown(f"{type(error).__name__}: {error}") from error


def _read_refused(client: Mirror, refused: Sequence[tuple[Held, Done]], *, ports: Ports) -> list[Fate]:
    """Have it proven that what was refused is not booked: only then its lines may go elsewhere.

    No earlier request is on its way any more: nothing is sent before that (documents.judge).
    """
    try:
        seen = _read(client, [each for each, _ in refused])
    except SyncError as error:
        return [_again(each, error, ports=ports) for each, _ in refused]
    fates = []
    for each, done in refused:
        state, reason = seen[each.name], done.error
        if state is DocumentState.BOOKED:
            fates.append(Fate(each, State.BOOKED, target_name=done.document))
            continue
        # People who cancelled it meant something by it; what the client itself cancelled may go elsewhere.
        by_people = isinstance(reason, CancelledThere)
        is_open = state is DocumentState.OPEN
        if is_open and len(each.document.lines) > 1:
            said = reason.detail if reason else ""
            reason = LeftOpen(
                f"{said} It lies there unbooked as {each.name}: cancel it there, then try again."
            )
        fates.append(
            Fate(
                each,
                State.REFUSED,
                error=reason,
                target_name=done.document,
                divisible=not (is_open or by_people),
            )
        )
    return fates


def _again(each: Held, error: SyncError, *, ports: Ports, rest: timedelta = timedelta(0)) -> Fate:
    """Return the fate of one that was not carried out: owed, later. A mark of an earlier request stays."""
    wait = max(rest, retry_after(each.attempts + 1, ports.jitter()))
    if isinstance(error, Transient) and error.retry_after_s is not None:
        wait = timedelta(seconds=error.retry_after_s)
    waits = each.unknown and each.ambiguous_until is not None
    return Fate(
        each,
        State.UNKNOWN if waits else State.OWED,
        run_at=ports.clock() + wait,
        error=error,
        ambiguous_until=each.ambiguous_until,
    )


def _unknown(each: Held, error: SyncError, *, life: timedelta, ports: Ports) -> Fate:
    now = ports.clock()
    return Fate(each, State.UNKNOWN, run_at=now + READ_AGAIN, error=error, ambiguous_until=now + life)


def _tell(account: Account, fates: Sequence[Fate], *, ports: Ports) -> None:
    """Have somebody own what was refused and what fails for long; close the cases of what was booked."""
    over = [
        str(fate.held.id)
        for fate in fates
        if fate.held.was_refused and (fate.state == State.BOOKED or _is_split(fate))
    ]
    ports.cases.close(CASE_KIND, over, "It was booked, or others replace it.")
    for fate in fates:
        if fate.error is None:
            continue
        lines = fate.held.document.lines
        alone = fate.state == State.REFUSED and not _is_split(fate)
        stuck = fate.held.attempts == ports.limits.push_max_attempts
        if alone or (stuck and fate.state != State.REFUSED):
            what = ", ".join(f"{line.quantity.normalize():f} × {line.item_ref}" for line in lines[:5])
            more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
            ports.cases.open(
                fate.error.code if alone else "mirror.stuck",
                CASE_KIND,
                str(fate.held.id),
                f"{account.code} does not book {fate.held.name} ({what}{more}): {fate.error.detail}",
                connection=account.code,
                item_id=fate.held.item_id,
            )


def _is_split(fate: Fate) -> bool:
    return fate.state == State.REFUSED and fate.divisible and len(fate.held.document.lines) > 1


def _heed(account: Account, whole: SyncError | None, *, ports: Ports) -> None:
    """Do what was asked of the whole connection: wait, or be put right by its owner."""
    if isinstance(whole, RateLimited):
        wait = timedelta(seconds=whole.retry_after_s if whole.retry_after_s is not None else 5.0)
        now = ports.clock()
        ports.lanes.shut_budget(account.id, now=now, until=now + wait)
    if isinstance(whole, Misconfigured):
        ports.misconfigured(account.id, whole.detail)
