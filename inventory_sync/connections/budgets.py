"""The token bucket of each credential, kept as a row: no outage of anything else opens or shuts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from inventory_sync.connections.models import Budget, Connection
from inventory_sync.connections.registry import connector
from inventory_sync.domain import budget


def take_calls(connection_id: int, calls: int, *, now: datetime) -> float:
    """Take `calls` tokens, all or none; returns 0, or the seconds until they will be there.

    Part of the caller's transaction: a claim that rolls back spends nothing.
    """
    with transaction.atomic():
        row = _locked(connection_id, now)
        bucket = budget.refill(_bucket(row), now)
        wanted = min(calls, int(bucket.capacity))
        shut = bucket.shut_until is not None and now < bucket.shut_until
        if shut or bucket.tokens < wanted:
            _save(row, bucket)
            missing = max(Decimal(0), wanted - bucket.tokens) / bucket.per_s
            closed = (bucket.shut_until - now).total_seconds() if shut and bucket.shut_until else 0.0
            return max(float(missing), closed, 0.05)
        _save(row, budget.take(bucket, wanted, now).bucket)
        return 0.0


def charge(connection_id: int, calls: int, *, now: datetime) -> None:
    """Take `calls` tokens that were used already, below zero if need be: the next ones wait for them."""
    if calls <= 0:
        return
    with transaction.atomic():
        row = _locked(connection_id, now)
        bucket = budget.refill(_bucket(row), now)
        _save(row, replace(bucket, tokens=bucket.tokens - calls))


def shut_until(connection_id: int, until: datetime) -> None:
    """Give nothing before `until`: the vendor asked for it."""
    with transaction.atomic():
        row = _locked(connection_id, until)
        _save(row, budget.shut(_bucket(row), until))


def _locked(connection_id: int, now: datetime) -> Budget:
    row = Budget.objects.select_for_update().filter(connection_id=connection_id).first()
    if row is not None:
        return row
    capabilities = connector(Connection.objects.get(pk=connection_id).connector).capabilities
    Budget.objects.bulk_create(
        [
            Budget(
                connection_id=connection_id,
                tokens=float(capabilities.burst),
                refilled_at=now,
                rate_per_s=capabilities.calls_per_s,
                burst=float(capabilities.burst),
            )
        ],
        ignore_conflicts=True,
    )
    return Budget.objects.select_for_update().get(connection_id=connection_id)


def _bucket(row: Budget) -> budget.Bucket:
    return budget.Bucket(
        capacity=Decimal(str(row.burst)),
        per_s=Decimal(str(row.rate_per_s)),
        tokens=Decimal(str(row.tokens)),
        as_of=row.refilled_at,
        shut_until=row.closed_until,
    )


def _save(row: Budget, bucket: budget.Bucket) -> None:
    row.tokens, row.refilled_at, row.closed_until = float(bucket.tokens), bucket.as_of, bucket.shut_until
    row.save(update_fields=["tokens", "refilled_at", "closed_until"])
