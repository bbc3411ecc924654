"""Which listings go on waiting for an approval, said in SQL for the claim and for the dispatcher alike.

It says what guarding.judge would decide of them again: the newest decision about a listing holds while it
covers the figure wanted now; without one it waits for as long as anybody is asked anything about its channel.
Were the two to differ, listings would be read and set aside again and again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

# Of a listing `l` that is set aside; domain.guards.covers in SQL. values() binds its parameters.
STAYS = """
coalesce((
    SELECT CASE
        WHEN (l.desired <= 0 AND f.wanted > 0)
            OR abs(l.desired - f.wanted) * 100 > abs(f.wanted - f.shown) * %(tolerance)s THEN NULL
        ELSE h.state = 'rejected' END
    FROM propagation_heldfigure f JOIN propagation_writehold h ON h.id = f.hold_id
    WHERE f.listing_id = l.id AND h.state IN ('approved', 'rejected') AND h.ends_at > %(now)s
    ORDER BY h.decided_at DESC, h.id DESC LIMIT 1
), EXISTS (
    SELECT FROM propagation_writehold h
    WHERE h.connection_id = l.connection_id AND h.state IN ('gathering', 'waiting')
))
"""


def values(now: datetime) -> dict[str, Any]:
    return {"now": now, "tolerance": settings.INVENTORY_SYNC["GUARD_TOLERANCE_PERCENT"]}
