"""Every invariant that is checked while the platform runs, by name. The SQL stands in the room of its tables.

A new check is one entry here, a row in docs/errors.md, and a test that breaks the rule underneath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from inventory_sync.availability import checks as availability
from inventory_sync.domain.invariants import Find
from inventory_sync.intake import checks as intake
from inventory_sync.ledger import checks as ledger
from inventory_sync.propagation import checks as propagation
from inventory_sync.propagation import mirror_checks as mirrors


class Slice(StrEnum):
    """What a check is cut into, so that one statement is never about everything."""

    ITEMS = "catalog_item"
    LISTINGS = "propagation_listing"
    DELIVERIES = "intake_delivery"
    WHOLE = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant. `code` is that of its cases.

    case_suffices: the rule itself allows a violation that somebody owns by an open case.
    """

    code: str
    slice: Slice
    find: Find
    case_suffices: bool = False

    @property
    def name(self) -> str:
        return self.code.partition(".")[2]

    @property
    def rule(self) -> str:
        """Say in one sentence what must hold: the docstring of the function that looks."""
        whole = self.find.func if isinstance(self.find, partial) else self.find
        return (whole.__doc__ or "").strip().splitlines()[0]


def checks(*, now: datetime, figures: int | None = None) -> tuple[Check, ...]:
    """Return all checks. figures: so many figures of a slice are computed again, None for every one."""
    reproduce = partial(availability.figures_are_reproducible, now=now, most=figures)
    return (
        Check(code="invariant.level_sum", slice=Slice.ITEMS, find=ledger.levels_are_sums),
        Check(code="invariant.level_reports", slice=Slice.ITEMS, find=ledger.reports_explain_levels),
        Check(code="invariant.units_conserved", slice=Slice.ITEMS, find=ledger.units_are_conserved),
        Check(code="invariant.transfer_sum", slice=Slice.ITEMS, find=ledger.transfers_lose_nothing),
        Check(
            code="invariant.demand_covered",
            slice=Slice.ITEMS,
            find=ledger.demand_is_covered,
            case_suffices=True,
        ),
        Check(code="invariant.event_key", slice=Slice.ITEMS, find=ledger.keys_count_once),
        Check(code="invariant.newest_rules", slice=Slice.ITEMS, find=ledger.nothing_older_rules),
        Check(code="invariant.figure_versions", slice=Slice.ITEMS, find=availability.figures_never_go_back),
        Check(
            code="invariant.listing_versions",
            slice=Slice.LISTINGS,
            find=propagation.listings_want_no_later_figure_than_there_is,
        ),
        Check(code="invariant.known_was_told", slice=Slice.ITEMS, find=ledger.what_is_known_was_told),
        Check(code="invariant.unknown_not_zero", slice=Slice.ITEMS, find=availability.unknown_is_not_zero),
        Check(code="invariant.unknown_not_sent", slice=Slice.LISTINGS, find=propagation.unknown_is_not_sent),
        Check(code="invariant.read_back", slice=Slice.LISTINGS, find=propagation.settled_is_read_back),
        Check(code="invariant.authority", slice=Slice.ITEMS, find=ledger.postings_have_authority),
        Check(code="invariant.delivery_fate", slice=Slice.DELIVERIES, find=intake.every_delivery_has_a_fate),
        Check(code="invariant.figure_reproduced", slice=Slice.ITEMS, find=reproduce),
        Check(code="invariant.terms_add_up", slice=Slice.ITEMS, find=availability.terms_add_up),
        Check(
            code="invariant.allotments_fit",
            slice=Slice.ITEMS,
            find=partial(availability.allotments_fit, now=now),
            case_suffices=True,
        ),
        Check(code="invariant.mirror_sum", slice=Slice.ITEMS, find=mirrors.documents_add_up),
        Check(code="invariant.exact", slice=Slice.ITEMS, find=ledger.quantities_are_exact),
        Check(code="invariant.append_only", slice=Slice.WHOLE, find=ledger.guards_stand),
    )


def chosen(names: Sequence[str], *, now: datetime, figures: int | None = None) -> tuple[Check, ...]:
    """Return the checks of these names, all where none is named. Raises ValueError for one nobody knows."""
    every = {check.name: check for check in checks(now=now, figures=figures)}
    if unknown := sorted(set(names) - set(every)):
        raise ValueError(f"There is no check {', '.join(unknown)}; there are {', '.join(every)}.")
    return tuple(check for name, check in every.items() if not names or name in names)
