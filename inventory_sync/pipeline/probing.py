"""Look at the system behind a connection because somebody asked: what it is, and what it lacks. Reads only.

Also while staff hold it, and while its breaker is open: an answer closes that. Never inside a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from inventory_sync.audit import services as audit
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import SyncError
from inventory_sync.pipeline.ports import Account
from inventory_sync.support import correlation
from inventory_sync.support.spending import BULK, spending, waiting_at_most

PATIENCE_S = 5.0  # somebody sits in front of it


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found. problems: sentences for staff; code: why nothing could be found out, if so."""

    connection: Connection
    facts: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    code: str = ""

    @property
    def is_well(self) -> bool:
        return not self.problems


def look_at(row: Connection, *, account: Callable[..., Account], actor: audit.Actor, reason: str) -> Looked:
    """Return what is there now. The look is audited, with what it found."""
    with correlation.bound(connection=row.code), spending(BULK), waiting_at_most(PATIENCE_S):
        try:
            found = account(row.pk, held_too=True).client.probe()
        except SyncError as error:
            looked = Looked(row, problems=(error.detail or error.code,), code=error.code)
        else:
            looked = Looked(row, dict(found.facts), tuple(found.problems))
    audit.record(
        actor=actor,
        action="connection.probed",
        subject=row,
        after={"problems": list(looked.problems)},
        reason=reason,
    )
    return looked
