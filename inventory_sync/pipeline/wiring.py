"""Where the steps meet the world: PostgreSQL stores, installed connectors, the real clock and randomness.

The composition root. Everything the other modules of this room are given is made here.
"""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db import transaction

from connectors.base.posting import post_signed
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.cases import services as cases
from inventory_sync.cases.models_telling import Route
from inventory_sync.cases.telling import mail
from inventory_sync.cases.telling.rounds import World
from inventory_sync.cases.telling.sending import Letter, Receipt
from inventory_sync.catalog.selectors import PostgresCatalog
from inventory_sync.connections import registry
from inventory_sync.connections.expiry import calendar
from inventory_sync.connections.gate import Gate
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.connections.services import mark_misconfigured
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.periods import LatePolicy
from inventory_sync.domain.ports import Clock, Exchange, Outside
from inventory_sync.domain.writing import Writing
from inventory_sync.intake.store import PostgresIntake
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.pipeline.case_book import Cases
from inventory_sync.pipeline.evidence.keep import Seals
from inventory_sync.pipeline.ports import Account, Limits, Ports
from inventory_sync.pipeline.tallies import count_flight
from inventory_sync.pipeline.turns import SessionTurns
from inventory_sync.pipeline.waking import wake
from inventory_sync.propagation.guarding import judge
from inventory_sync.propagation.mirror_cut import note_moved
from inventory_sync.propagation.store import PostgresLanes
from inventory_sync.support import correlation
from inventory_sync.support.clock import utc_now


class Cursors:
    """The cursor store of pipeline.ports, on the connections room."""

    def load(self, connection_id: int, stream: str) -> str:
        row, _ = Cursor.objects.get_or_create(connection_id=connection_id, stream=stream)
        return row.value

    def save(
        self, connection_id: int, stream: str, value: str, *, now: datetime, done: bool, skipped: bool = False
    ) -> int:
        row = Cursor.objects.select_for_update().get(connection_id=connection_id, stream=stream)
        row.value, row.reads = value, row.reads + 1
        row.read_at, row.failures, row.error_code, row.error_detail = now, 0, "", ""
        total = row.skipped + skipped
        row.skipped = 0 if done else total
        if done:
            row.swept_at = now
        row.save()
        return total

    def next_reading(self) -> int:
        with database.cursor() as cursor:
            cursor.execute("SELECT nextval('intake_reading')")
            return int(cursor.fetchone()[0])


def open_account(connection_id: int, *, held_too: bool = False, clock: Clock | None = None) -> Account:
    """Open a connection with its config and secrets; raises Misconfigured.

    Each of its calls is paid when it is made. held_too: also while staff hold it; they are asking themselves.
    clock: of its budget and breaker, where it is not the database's.
    """
    row = Connection.objects.prefetch_related("secrets").get(pk=connection_id)
    exchanges: list[Exchange] = []
    capabilities = registry.connector(row.connector).capabilities

    def recovered(connection_id: int) -> None:
        wake(connection_id, now=(clock or utc_now)())

    gate = Gate(
        row.pk,
        capabilities,
        pause=time.sleep,
        chance=random.random,
        new_id=correlation.new_id,
        held_too=held_too,
        clock=clock,
        recovered=recovered,
    )

    def ended(exchange: Exchange) -> None:
        exchanges.append(exchange)
        gate.ended(exchange)

    outside = Outside(
        on_exchange=ended,
        before_call=gate.admit,
        correlation_id=correlation.current,
        private_hosts=tuple(settings.INVENTORY_SYNC["EGRESS_ALLOWED_HOSTS"]),
    )
    return Account(
        id=row.pk,
        code=row.code,
        capabilities=capabilities,
        client=registry.open_client(row, outside=outside),
        exchanges=exchanges,
        writing=Writing(row.writing),
    )


def config_of(connection_id: int) -> Any:
    return registry.config_of(Connection.objects.prefetch_related("secrets").get(pk=connection_id))


def pause_misconfigured(connection_id: int, why: str) -> None:
    """Pause a connection whose credentials or settings the vendor refuses, and tell its owner."""
    why = f"{why}{_ended(connection_id)}"
    with transaction.atomic():
        row = mark_misconfigured(connection_id=connection_id, detail=why, actor="pipeline")
        if row.state != Connection.State.MISCONFIGURED:
            return
        cases.open_case(
            code=Misconfigured.code,
            subject_kind="connection",
            subject_id=row.pk,
            summary=f"{row.label} refuses us: {why}",
            connection_code=row.code,
            owner_team=row.owner_team,
            now=utc_now(),
        )


def _ended(connection_id: int) -> str:
    """Return what explains a refusal best: that a credential has ended, if the settings say so."""
    rows = Connection.objects.filter(pk=connection_id).prefetch_related("secrets")
    ended = [each for each in calendar(today=utc_now().date(), connections=rows) if each.has_ended]
    return "".join(f" {each.label} ended on {each.on.isoformat()}; enter the next one." for each in ended)


class _Configs:
    """Configs by connection id, opened once per batch of work: a worker never keeps them for long."""

    def __init__(self, ttl_s: float = 1.0) -> None:
        self._ttl_s = ttl_s
        self._kept: dict[int, tuple[float, Any]] = {}

    def __call__(self, connection_id: int) -> Any:
        now = time.monotonic()
        kept = self._kept.get(connection_id)
        if kept is None or now - kept[0] > self._ttl_s:
            kept = (now, config_of(connection_id))
            self._kept[connection_id] = kept
        return kept[1]


def seals() -> Seals:
    """Return how the daily evidence is kept and signed here."""
    knobs = settings.INVENTORY_SYNC
    return Seals(
        directory=knobs["EVIDENCE_DIR"], key=knobs["EVIDENCE_KEY"], software=knobs["SOFTWARE_VERSION"]
    )


def telling() -> World:
    """Return what telling people needs: the mail server of the settings, webhooks behind the egress guard."""
    knobs = settings.INVENTORY_SYNC
    return World(
        clock=utc_now,
        new_id=correlation.new_id,
        jitter=random.random,
        carriers={Route.Kind.EMAIL.value: mail.carry, Route.Kind.WEBHOOK.value: _post},
        hub=str(knobs["HUB_URL"]),
        settle=timedelta(seconds=knobs["TELL_AFTER_S"]),
    )


def _post(letter: Letter) -> Receipt:
    post_signed(
        letter.url,
        secret=letter.secret,
        message_id=letter.key,
        body=letter.payload,
        now=utc_now(),
        private_hosts=tuple(settings.INVENTORY_SYNC["EGRESS_ALLOWED_HOSTS"]),
    )
    return Receipt(accepted=("webhook",))


def ports() -> Ports:
    """Return everything the steps need, on PostgreSQL."""
    knobs = settings.INVENTORY_SYNC
    near_zero = Decimal(knobs["URGENT_AT_OR_BELOW"])
    return Ports(
        intake=PostgresIntake(),
        ledger=PostgresLedger(),
        availability=PostgresAvailability(),
        lanes=PostgresLanes(near_zero=near_zero),
        catalog=PostgresCatalog(),
        cases=Cases(utc_now),
        cursors=Cursors(),
        turns=SessionTurns(),
        account=open_account,
        misconfigured=pause_misconfigured,
        connector=registry.connector,
        config=_Configs(),
        clock=utc_now,
        jitter=random.random,
        new_id=correlation.new_id,
        pause=time.sleep,
        limits=Limits(
            batch_rows=knobs["INTAKE_BATCH_ROWS"],
            lease=timedelta(seconds=knobs["INTAKE_LEASE_S"]),
            max_attempts=knobs["INTAKE_MAX_ATTEMPTS"],
            future_tolerance=timedelta(seconds=knobs["FUTURE_TOLERANCE_S"]),
            late_movements=LatePolicy(knobs["LATE_MOVEMENTS"]),
            dirty_items=knobs["AVAILABILITY_BATCH_ITEMS"],
            near_zero=near_zero,
            push_lease=timedelta(seconds=knobs["PUSH_LEASE_S"]),
            push_max_attempts=knobs["PUSH_MAX_ATTEMPTS"],
            verify_every=timedelta(seconds=knobs["VERIFY_EVERY_S"]),
            evidence_daily=knobs["EVIDENCE_DAILY"],
            mirror_lines=knobs["MIRROR_LINES"],
            mirror_compare_every=timedelta(seconds=knobs["MIRROR_COMPARE_EVERY_S"]),
        ),
        note_moved=note_moved,
        guard=judge,
        count_flight=count_flight,
    )
