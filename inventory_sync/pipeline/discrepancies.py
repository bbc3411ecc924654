"""Say in a case that what arrived is not what was announced, or that a picker did not find what was sold.

One case per announcement, closed when nothing differs any more; one per order line that was short. Runs in
the transaction of the batch that found it. Decides nothing about stock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from inventory_sync.domain.failures import Failure
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.expectation_types import Discrepancy, ExpectationKey, Expected
from inventory_sync.pipeline.ports import CaseBook

KIND = "expectation"


def note_expectations(expected: Expected, codes: Mapping[int, str], *, cases: CaseBook) -> None:
    """Open a case for what differs, close those of announcements where nothing differs any more."""
    differing: dict[ExpectationKey, list[Discrepancy]] = defaultdict(list)
    for each in expected.discrepancies:
        differing[each.connection_id, each.ref].append(each)
    failures = [
        Failure(
            code="goods.receipt_discrepancy",
            subject_kind=KIND,
            subject_id=subject_of(key),
            summary=f"{key[1]}: {'; '.join(_in_words(each) for each in found)}.",
            connection_code=codes.get(key[0], ""),
            item_id=found[0].item_id if len(found) == 1 else None,
            units_at_risk=sum((each.over + each.short + each.damaged for each in found), Decimal(0)),
        )
        for key, found in sorted(differing.items())
    ]
    failures += [
        Failure(
            code="pick.short",
            subject_kind="order_line",
            subject_id=f"{pick.source}:{pick.order_ref}/{pick.line_ref}",
            summary=f"Order {pick.order_ref}, line {pick.line_ref}: {plain(pick.short)} of item "
            f"{pick.item_id} were not found; {plain(pick.picked)} were picked.",
            connection_code=codes.get(pick.connection_id, ""),
            correlation_id=pick.correlation_id,
            item_id=pick.item_id,
            order_ref=pick.order_ref,
            units_at_risk=pick.short,
        )
        for pick in expected.short_picks
    ]
    cases.open_all(failures)
    if expected.agreed:
        cases.close(KIND, [subject_of(key) for key in expected.agreed], "what arrived is what was announced")


def subject_of(key: ExpectationKey) -> str:
    return f"{key[0]}:{key[1]}"


def _in_words(found: Discrepancy) -> str:
    parts = [f"{plain(found.received)} of {plain(found.expected)} of item {found.item_id} arrived"]
    parts += [
        f"{plain(amount)} {what}"
        for what, amount in (("too many", found.over), ("missing", found.short), ("damaged", found.damaged))
        if amount
    ]
    return ", ".join(parts)
