"""See that somebody owns a credential before it ends: one case each, closed by itself once it is renewed."""

from __future__ import annotations

from inventory_sync.cases import services as cases
from inventory_sync.connections.expiry import calendar
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import KeyExpires, Misconfigured
from inventory_sync.pipeline.ports import Ports

KIND = "credential"
RENEWED = "It was renewed, or nobody says any more that it ends."
RUNS = "The connection runs again."


def own_expiring(*, ports: Ports) -> int:
    """Open, reword or close cases of credentials that end within three weeks; returns how many changed."""
    now = ports.clock()
    known = cases.open_summaries(KeyExpires.code)
    ending = {each.subject: each for each in calendar(today=now.date()) if each.warned}
    done = 0
    with ports.intake.transaction():
        for subject, each in ending.items():
            if known.get(subject) != each.in_words:
                cases.open_case(
                    code=KeyExpires.code,
                    subject_kind=KIND,
                    subject_id=subject,
                    summary=each.in_words,
                    connection_code=each.connection.code,
                    owner_team=each.connection.owner_team,
                    now=now,
                )
                done += 1
        over = known.keys() - ending.keys()
        ports.cases.close(KIND, sorted(over), RENEWED)
    return done + len(over) + _close_recovered(ports=ports)


def _close_recovered(*, ports: Ports) -> int:
    """Close the cases of connections that were misconfigured and run again."""
    known = cases.open_summaries(Misconfigured.code)
    if not known:
        return 0
    active = Connection.objects.filter(state=Connection.State.ACTIVE, pk__in=[int(pk) for pk in known])
    subjects = [str(pk) for pk in active.values_list("pk", flat=True)]
    return cases.resolve_cases(
        subject_kind="connection",
        subject_ids=subjects,
        code=Misconfigured.code,
        resolution=RUNS,
        now=ports.clock(),
    )
