"""What came in and is not done: deliveries by tier, parked lines, reads due, what no webhook told."""

from __future__ import annotations

from itertools import groupby

from inventory_sync.api.measures.reading import counter, gauge, queried

INTAKE = (
    gauge(
        "deliveries_open",
        "Deliveries that are not done, by state and tier; what does not wait for us as sampled last.",
        ("state", "tier"),
        lambda look: [
            ((state, tier.name), count)
            for tier in look.tiers
            for state, count in (
                ("pending", tier.waiting), ("parked", tier.parked), ("rejected", tier.rejected)
            )
        ],
    ),
    gauge(
        "deliveries_oldest_pending_seconds",
        "Age of the oldest pending delivery that is due, by tier.",
        ("tier",),
        lambda look: [((tier.name,), look.age_s(tier.oldest)) for tier in look.tiers],
    ),
    counter(
        "deliveries_arrived",
        "Deliveries that came in or wait again, by tier; as of the newest sample.",
        ("tier",),
        lambda look: [((tier.name,), tier.arrived) for tier in look.tiers],
    ),
    counter(
        "deliveries_drained",
        "Deliveries that were applied, parked or rejected, by tier.",
        ("tier",),
        lambda look: [((tier.name,), tier.drained) for tier in look.tiers],
    ),
    gauge(
        "parked_lines",
        "Lines that wait for a person, by connection and code.",
        ("connection", "code"),
        lambda look: [((each.connection, each.code), each.count) for each in look.parked],
    ),
    gauge(
        "parked_oldest_seconds",
        "Age of the oldest parked line, by connection.",
        ("connection",),
        lambda look: [
            ((connection,), max(look.age_s(each.oldest) for each in lines))
            for connection, lines in groupby(look.parked, key=lambda each: each.connection)
        ],
    ),
    gauge(
        "reads_due",
        "Objects whose source is to be read again, by connection.",
        ("connection",),
        queried(
            """SELECT c.code, count(*) FROM intake_readdue r
            JOIN connections_connection c ON c.id = r.connection_id GROUP BY 1""",
            labels=1,
        ),
    ),
    gauge(
        "sweep_age_seconds",
        "Time since a stream was last read to its end, by connection and stream.",
        ("connection", "stream"),
        lambda look: [
            ((source.connection, source.stream), look.age_s(source.swept_at))
            for source in look.sources
            if source.swept_at is not None
        ],
    ),
    counter(
        "sweep_pages_read",
        "Pages a sweep has stored since the beginning, by connection and stream.",
        ("connection", "stream"),
        lambda look: [((source.connection, source.stream), source.reads) for source in look.sources],
    ),
    counter(
        "webhooks_lost",
        "Objects a sweep found that no webhook had announced, by connection and stream.",
        ("connection", "stream"),
        lambda look: [((source.connection, source.stream), source.finds) for source in look.sources],
    ),
    counter(
        "hooks_recreated",
        "How often webhooks had to be made again at the vendor, by connection.",
        ("connection",),
        queried(
            """SELECT c.code, sum(h.recreated) FROM connections_hook h
            JOIN connections_connection c ON c.id = h.connection_id GROUP BY 1""",
            labels=1,
        ),
    ),
    counter(
        "door_refusals",
        "Requests the webhook door refused, by error code.",
        ("code",),
        lambda look: [((code,), count) for code, count in look.refusals.items()],
    ),
)  # fmt: skip
