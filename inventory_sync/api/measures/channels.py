"""What goes out: items to compute, lanes, freshness and its allowance, budgets, copies owed to others."""

from __future__ import annotations

from inventory_sync.api.measures.reading import counter, gauge, queried
from inventory_sync.domain.freshness import BUCKETS_S
from inventory_sync.support.metrics import Histogram

LANES = (
    gauge(
        "dirty_items",
        "Items whose availability is to be computed again.",
        ("urgent",),
        queried(
            "SELECT CASE WHEN urgent THEN 'yes' ELSE 'no' END, count(*) FROM ledger_dirtyitem GROUP BY 1",
            labels=1,
        ),
    ),
    gauge(
        "dirty_items_oldest_seconds",
        "Age of the oldest item to be computed again.",
        (),
        queried("SELECT coalesce(max(AGE_S(since)), 0) FROM ledger_dirtyitem", labels=0),
    ),
    gauge(
        "listings",
        "Listings by connection and state; as sampled last.",
        ("connection", "state"),
        lambda look: [
            ((code, state), count)
            for code, states in look.listings.items()
            for state, count in states.items()
        ],
    ),
    gauge(
        "pushes_owed",
        "Figures a channel is owed, by connection and class.",
        ("connection", "class"),
        lambda look: [
            ((lane.code, name), count)
            for lane in look.lanes
            for name, count in (("urgent", lane.urgent), ("other", lane.owed - lane.urgent))
        ],
    ),
    gauge(
        "pushes_oldest_owed_seconds",
        "Age of the oldest owed push, by connection and class; all holds the urgent ones too.",
        ("connection", "class"),
        lambda look: [
            ((lane.code, name), look.age_s(oldest))
            for lane in look.lanes
            for name, oldest in (("urgent", lane.oldest_urgent), ("all", lane.oldest))
        ],
    ),
    gauge(
        "pushes_bound_seconds",
        "How old figures get at most while so much is owed, by connection and class; as sampled last.",
        ("connection", "class"),
        lambda look: [
            ((code, name), seconds)
            for code, classes in look.bounds.items()
            for name, seconds in classes.items()
        ],
    ),
    counter(
        "figures_arrived",
        "Figures that became owed, by connection; as of the newest sample.",
        ("connection",),
        lambda look: [((lane.code,), lane.arrived) for lane in look.lanes],
    ),
    counter(
        "figures_acknowledged",
        "Figures a channel was read to show as wanted, by connection.",
        ("connection",),
        lambda look: [((lane.code,), lane.acknowledged) for lane in look.lanes],
    ),
    counter(
        "push_attempts",
        "Push attempts, by connection and outcome.",
        ("connection", "outcome"),
        lambda look: [((each.connection, each.outcome), each.count) for each in look.flights],
    ),
)
FRESHNESS = (
    Histogram(
        "inventory_sync_freshness_seconds",
        "Age of figures when their channel acknowledged them, since they occurred, were received or owed.",
        ("connection", "tier", "since"),
        BUCKETS_S,
        lambda look: [
            ((each.connection, each.tier, each.part), each.buckets, each.sum_s) for each in look.ages
        ],
    ),
    gauge(
        "freshness_target_seconds",
        "Within what age a figure of a tier is to be acknowledged.",
        ("tier",),
        lambda look: [((each.tier,), each.within_s) for each in look.objectives.values()],
    ),
    gauge(
        "freshness_target_ratio",
        "What share of a tier's figures is to be acknowledged within its target.",
        ("tier",),
        lambda look: [((each.tier,), each.share) for each in look.objectives.values()],
    ),
    gauge(
        "error_budget_spent_ratio",
        "How much of the lateness a tier may have in 28 days is spent; 1 is all of it.",
        ("tier",),
        lambda look: [((each.objective.tier,), each.spent) for each in look.allowances],
    ),
    gauge(
        "error_budget_burn_rate",
        "How fast a tier's allowance went lately; 1 spends it exactly in 28 days.",
        ("tier", "window"),
        lambda look: [
            ((each.objective.tier, window), rate)
            for each in look.allowances
            for window, rate in (("1h", each.burn_1h), ("6h", each.burn_6h))
        ],
    ),
    gauge(
        "late_slots",
        "In how many of the last six stretches of ten minutes any figure of a tier was late.",
        ("tier",),
        lambda look: [((tier,), count) for tier, count in look.late_slots.items()],
    ),
)
OTHERS = (
    gauge(
        "order_copies",
        "Copies of orders by connection and state, beside those settled.",
        ("connection", "state"),
        queried(
            """SELECT c.code, w.state, count(*) FROM workflows_copy w
            JOIN connections_connection c ON c.id = w.target_id
            WHERE w.state IN ('owed', 'refused') GROUP BY 1, 2""",
            labels=2,
        ),
    ),
    gauge(
        "order_copies_oldest_owed_seconds",
        "Age of the oldest copy of an order that a connection lacks or has otherwise.",
        ("connection",),
        queried(
            """SELECT c.code, max(AGE_S(w.since)) FROM workflows_copy w
            JOIN connections_connection c ON c.id = w.target_id WHERE w.state = 'owed' GROUP BY 1""",
            labels=1,
        ),
    ),
    gauge(
        "deliveries_told_oldest_owed_seconds",
        "Age of the oldest delivery that a channel is still to be told of.",
        ("connection",),
        queried(
            """SELECT c.code, max(AGE_S(w.since)) FROM workflows_deliverytold w
            JOIN connections_connection c ON c.id = w.channel_id WHERE w.state = 'owed' GROUP BY 1""",
            labels=1,
        ),
    ),
    gauge(
        "connection_active",
        "1 for a connection that is active, 0 for one that is not.",
        ("connection", "state", "writing"),
        lambda look: [((each.code, each.state, each.writing), each.state == "active") for each in look.calls],
    ),
    gauge(
        "connection_rung",
        "1 for the rung of the degradation ladder a connection stands on.",
        ("connection", "rung"),
        lambda look: [((each.connection.code, each.rung.name.lower()), 1) for each in look.ladder],
    ),
    gauge(
        "breaker_state",
        "1 for the phase a connection's breaker is in: closed, half_open or open.",
        ("connection", "phase"),
        lambda look: [
            ((each.code, phase), each.breaker == phase)
            for each in look.calls
            for phase in ("closed", "half_open", "open")
        ],
    ),
    gauge(
        "breaker_openings_in_a_row",
        "How often in a row a connection was tried and did not answer; quiet minutes begin anew.",
        ("connection",),
        lambda look: [((each.code,), each.openings) for each in look.calls],
    ),
    gauge(
        "budget_tokens",
        "Calls a connection may make at once, refilled to now.",
        ("connection",),
        lambda look: [((each.code,), each.tokens) for each in look.calls if each.tokens is not None],
    ),
    gauge(
        "budget_rate_per_second",
        "Calls a second a connection may make, as eased after the vendor found us too fast.",
        ("connection",),
        lambda look: [((each.code,), each.rate_per_s) for each in look.calls if each.rate_per_s is not None],
    ),
    counter(
        "budget_calls",
        "Calls paid from a connection's budget.",
        ("connection",),
        lambda look: [((each.code,), each.calls) for each in look.calls],
    ),
    counter(
        "budget_refusals",
        "How often a vendor said that there were too many calls.",
        ("connection",),
        lambda look: [((each.code,), each.refusals) for each in look.calls],
    ),
    gauge(
        "budget_waiting_seconds",
        "Since when calls of a connection have to wait for their budget; 0 when none does.",
        ("connection",),
        lambda look: [((each.code,), look.age_s(each.waits_since)) for each in look.calls],
    ),
)
CHANNELS = (*LANES, *FRESHNESS, *OTHERS)
