"""A failure that somebody must own, as the step that met it can tell it. cases/services.py opens its case."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed, and what is known about it; "" and None where the step cannot say.

    `subject_kind` and `subject_id` name the row that failed: its open case per code is one. `item_id` is
    for steps that know no SKU; whoever opens the case looks it up. `severity` and `owner_team` are for what
    a step knows better than the table of codes (cases/owners.py). `times` counts how often it was met.
    """

    code: str
    subject_kind: str
    subject_id: str
    summary: str
    connection_code: str = ""
    item_id: int | None = None
    item_sku: str = ""
    order_ref: str = ""
    units_at_risk: Decimal | None = None
    correlation_id: str = ""
    severity: str = ""
    owner_team: str = ""
    times: int = 1
