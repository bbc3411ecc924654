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
