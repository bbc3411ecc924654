"""The case book of pipeline.ports, on the cases room: what a step knows by id gets its name here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal

from inventory_sync.cases import services as cases
from inventory_sync.cases.owners import team_of
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.domain.failures import Failure
from inventory_sync.domain.ports import Clock
from inventory_sync.support import correlation


class Cases:
    """See pipeline.ports.CaseBook."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def open(
        self,
        code: str,
        kind: str,
        subject: str,
        summary: str,
        *,
        connection: str,
        correlation_id: str = "",
        item_id: int | None = None,
        order: str = "",
        units: Decimal | None = None,
    ) -> None:
        failure = Failure(
            code=code,
            subject_kind=kind,
            subject_id=subject,
            summary=summary,
            connection_code=connection,
            item_id=item_id,
            order_ref=order,
            units_at_risk=units,
            correlation_id=correlation_id,
        )
        self.open_all([failure])

    def open_all(self, failures: Collection[Failure]) -> None:
        if failures:
            cases.open_cases(named(failures), now=self._clock())

    def hold(self, kind: str, subjects: Collection[str], *, code: str) -> None:
        cases.hold(subject_kind=kind, subject_ids=subjects, code=code)

    def close(
        self, kind: str, subjects: Collection[str], resolution: str, *, code: str | None = None
    ) -> None:
        cases.resolve_cases(
            subject_kind=kind,
            subject_ids=subjects,
            code=code,
            resolution=resolution,
            run=correlation.current(),
            now=self._clock(),
        )


def named(failures: Collection[Failure]) -> list[Failure]:
    """Return the failures with the SKUs of their items, and owned by the team of their connection."""
    ids = {each.item_id for each in failures if each.item_id is not None and not each.item_sku}
    skus = dict(Item.objects.filter(pk__in=ids).values_list("pk", "sku")) if ids else {}
    codes = {each.connection_code for each in failures if each.connection_code and not each.owner_team}
    teams = dict(Connection.objects.filter(code__in=codes).values_list("code", "owner_team")) if codes else {}
    return [
        replace(
            each,
            item_sku=each.item_sku or skus.get(each.item_id or 0, ""),
            owner_team=each.owner_team
            or team_of(each.code, of_connection=teams.get(each.connection_code, "")),
        )
        for each in failures
    ]
