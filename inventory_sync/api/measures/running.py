"""Who owns what failed, what is retried, how requests fare, and whether everything runs."""

from __future__ import annotations

from inventory_sync.api.measures.reading import counter, gauge

RUNNING = (
    counter(
        "reservations_requested",
        "Requests to reserve stock; as of the newest sample.",
        (),
        lambda look: [((), look.requests.asked)],
    ),
    counter(
        "reservations_refused",
        "Requests to reserve stock that got none of it; as of the newest sample.",
        (),
        lambda look: [((), look.requests.refused)],
    ),
    gauge(
        "cases_open",
        "Open cases, by code, owner and severity.",
        ("code", "owner", "severity"),
        lambda look: [((each.code, each.team, each.severity), each.count) for each in look.cases],
    ),
    gauge(
        "cases_oldest_seconds",
        "Age of the oldest open case, by code, owner and severity.",
        ("code", "owner", "severity"),
        lambda look: [
            ((each.code, each.team, each.severity), look.age_s(each.oldest)) for each in look.cases
        ],
    ),
    gauge(
        "cases_unacknowledged",
        "Open cases nobody has acknowledged, by code, owner and severity.",
        ("code", "owner", "severity"),
        lambda look: [
            ((each.code, each.team, each.severity), each.count - each.acknowledged) for each in look.cases
        ],
    ),
    gauge(
        "notices_waiting",
        "What a route is still to be told, for whatever reason it waits, by route.",
        ("route",),
        lambda look: [((each.name,), each.waiting) for each in look.people],
    ),
    gauge(
        "notices_due_seconds",
        "Since when the oldest that a route should have been told is not written; 0 when all is.",
        ("route",),
        lambda look: [((each.name,), look.age_s(each.due)) for each in look.people],
    ),
    gauge(
        "messages_unsent",
        "Messages that are written and not sent, by route.",
        ("route",),
        lambda look: [((each.name,), each.unsent) for each in look.people],
    ),
    gauge(
        "route_failing_seconds",
        "Since when no message of a route is taken; 0 while they are.",
        ("route",),
        lambda look: [((each.name,), look.age_s(each.fails)) for each in look.people],
    ),
    gauge(
        "happenings_unsettled_seconds",
        "Since when nobody settled whom the oldest happening is owed to; 0 when all are settled.",
        (),
        lambda look: [((), look.age_s(look.unsettled))],
    ),
    gauge(
        "retry_runs",
        "Groups of cases that are being retried.",
        (),
        lambda look: [((), len(look.runs))],
    ),
    gauge(
        "retry_cases_left",
        "Cases of running groups whose retry has not ended.",
        (),
        lambda look: [((), sum(run.left for run in look.runs))],
    ),
    gauge(
        "sign_age_seconds",
        "Time since the last sign of life of the dispatcher and of each queue's canary.",
        ("name",),
        lambda look: [((sign.name,), look.age_s(sign.at)) for sign in look.signs],
    ),
    gauge(
        "sample_age_seconds",
        "Time since the newest sample; what is counted from sample to sample stands still since then.",
        (),
        lambda look: [((), look.age_s(look.newest.at))] if look.newest is not None else [],
    ),
    gauge(
        "queue_deaf",
        "1 for a queue of which nobody takes messages, 0 for one that is heard.",
        ("queue",),
        lambda look: [((queue.name,), queue.deaf_since is not None) for queue in look.watch.queues],
    ),
    gauge(
        "worker_processes",
        "Worker processes that gave a sign of late, by queue.",
        ("queue",),
        lambda look: [((queue.name,), queue.processes) for queue in look.watch.queues],
    ),
    gauge(
        "workers_at_fault",
        "Worker processes that hold a task for too long, are silent or take nothing, by why.",
        ("why",),
        lambda look: [
            ((why,), sum(named.why == why for named in look.watch.named))
            for why in ("holds", "silent", "deaf")
        ],
    ),
)
