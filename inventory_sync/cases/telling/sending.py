"""Send what was composed: claimed with lease and fence, tried again with growing pauses, given up at last.

At least once: a worker that dies between the call and its mark leaves a message that is sent again, the same
bytes under the same id. What cannot be sent becomes a case of its own; that such a case cannot be told either
opens no further one. What was given up and reached nobody is owed again: when the server is back, whatever is
still wrong is told in words of that hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from inventory_sync.cases import services as cases
from inventory_sync.cases.models_telling import Message, Route
from inventory_sync.cases.telling.again import owe_again
from inventory_sync.cases.telling.outbox import FAILED, ROUTE, TELLING
from inventory_sync.domain.errors import Misconfigured, Rejected, SyncError, Transient
from inventory_sync.domain.telling import LONGEST_RETRY, retry_at
from inventory_sync.support import sealing
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

LEASE = timedelta(minutes=3)
SECRET = "webhook secret"  # noqa: S105 its name


@dataclass(frozen=True, slots=True)
class Letter:
    """One message ready to go. `addresses` are those that have not taken it yet."""

    key: str
    at: datetime
    kind: str
    addresses: tuple[str, ...]
    url: str
    secret: str
    subject: str
    text: str
    html: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one try: who took it, who never will and why, and why the others may later."""

    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    later: str = ""
    retry_after_s: float | None = None


Carrier = Callable[[Letter], Receipt]
"""Sends one letter. Raises Transient, Misconfigured (both tried again) or Rejected (never)."""


def send_due(
    *,
    carriers: dict[str, Carrier],
    clock: Callable[[], datetime],
    jitter: Callable[[], float],
    until: Callable[[], bool],
) -> dict[str, int]:
    """Send what is due until nothing is or time is up; return how many were sent, put off and given up."""
    counts = {"sent": 0, "put_off": 0, "given_up": 0}
    while not until():
        message = claim(now=clock())
        if message is None:
            break
        receipt, final = _try(message, carriers)
        outcome = settle(message, receipt, now=clock(), jitter=jitter(), final=final)
        if outcome:
            counts[outcome] += 1
    return counts


def sendable() -> QuerySet[Message]:
    """Return what waits to be sent: of a route that is off only what tries it out."""
    rows = Message.objects.filter(state=Message.State.WAITING)
    return rows.filter(Q(route__active=True) | Q(is_test=True))


def claim(*, now: datetime) -> Message | None:
    """Take the next message that is due and nobody holds, the most urgent first."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    with transaction.atomic():
        row = (
            sendable()
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("route")
            .filter(free, run_at__lte=now)
            .order_by("-severity", "run_at", "id")  # urgent, normal, low: so it is by letter too
            .first()
        )
        if row is None:
            return None
        row.token, row.attempts, row.lease_until = row.token + 1, row.attempts + 1, now + LEASE
        row.save(update_fields=["token", "attempts", "lease_until"])
        return row


def _try(message: Message, carriers: dict[str, Carrier]) -> tuple[Receipt, bool]:
    """Return what became of it, and whether trying again is of no use."""
    try:
        return carriers[message.route.kind](letter_of(message)), False
    except Transient as error:
        return Receipt(later=error.detail, retry_after_s=error.retry_after_s), False
    except Rejected as error:
        return Receipt(later=error.detail), True
    except SyncError as error:
        return Receipt(later=error.detail), False
    except Exception as error:  # one message that cannot be sent must not stop the others
        log.exception("message.failed", route=message.route.name, message=message.key)
        return Receipt(later=f"{type(error).__name__}: see the log."), False


def letter_of(message: Message) -> Letter:
    """Return the letter of a message; raises Misconfigured when its route cannot be used."""
    route = message.route
    secret = ""
    if route.kind == Route.Kind.WEBHOOK:
        if not route.ciphertext:
            raise Misconfigured("The route has no webhook secret: enter one.")
        secret = sealing.unseal(f"route/{route.pk}", bytes(route.ciphertext), route.key_id, name=SECRET)
    elif not route.address_list:
        raise Misconfigured("The route has no address.")
    return Letter(
        key=message.key,
        at=message.at,
        kind=route.kind,
        addresses=tuple(each for each in route.address_list if each not in message.accepted),
        url=route.url,
        secret=secret,
        subject=message.subject,
        text=message.text,
        html=message.html,
        payload=message.payload.encode(),
    )


def settle(message: Message, receipt: Receipt, *, now: datetime, jitter: float, final: bool = False) -> str:
    """Note what became of a claimed message; "" when somebody else holds it by now."""
    accepted = sorted({*message.accepted, *receipt.accepted})
    refused = "; ".join(receipt.refused)
    error = "; ".join(each for each in (refused, receipt.later) if each)
    values: dict[str, object] = {"accepted": accepted, "error": error[:2000], "lease_until": None}
    if not receipt.later and (accepted or not receipt.refused):
        outcome, values = "sent", values | {"state": Message.State.SENT, "sent_at": now}
    else:
        again = retry_at(message.attempts, now=now, jitter=jitter, asked_s=receipt.retry_after_s)
        if final or again is None or not receipt.later:
            outcome, values = "given_up", values | {"state": Message.State.FAILED}
        else:
            outcome, values = "put_off", values | {"run_at": again}
    with transaction.atomic():
        mine = Message.objects.filter(pk=message.pk, token=message.token, state=Message.State.WAITING)
        if not mine.update(**values):
            return ""
        if outcome == "given_up" or (outcome == "sent" and refused):
            _own(message, error, now=now)
            if receipt.later and not final:
                owe_again(Message.objects.filter(pk=message.pk), due_at=now + LONGEST_RETRY)
        elif outcome == "sent":
            cases.resolve_cases(
                subject_kind=ROUTE,
                subject_ids=[str(message.route_id)],
                code=FAILED,
                resolution=f"A message went out by {message.route.name} again.",
                now=now,
            )
    log.info("message.settled", outcome=outcome, route=message.route.name, message=message.key, error=error)
    return outcome


def _own(message: Message, error: str, *, now: datetime) -> None:
    """Open a case for the route; not for a message that only tells of such cases: that would never end."""
    told = message.notices.all()
    if message.is_test or (told.exists() and not told.exclude(happening__code__startswith=TELLING).exists()):
        return
    cases.open_case(
        code="telling.failed",
        subject_kind=ROUTE,
        subject_id=message.route_id,
        summary=f"People are not told by the route {message.route.name}: {error[:500]}",
        now=now,
    )
