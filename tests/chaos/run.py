"""One campaign from end to end: bring up, trade, break, heal, wait, judge."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection
from django.utils import timezone

from inventory_sync.connections.models import Cursor
from runner.embedded import services
from tests.chaos import books, judge, ledgers
from tests.chaos.calm import Calm, measure
from tests.chaos.faults import Done, Faults
from tests.chaos.ground import SKUS, Away, Ground
from tests.chaos.journal import Doc, read
from tests.chaos.schedule import Size, plan
from tests.walks import retailer

CONVERGE_S = 120.0
"""How long after the last fault everything must be right everywhere."""
ASK_AGAIN_S = 10.0
TRADE_EVERY_S = 0.25
"""Three orders in two seconds and as much at the till: enough to find every figure in movement."""
LEAST = 100
"""Fewer faults than these prove nothing."""
UNREACHABLE = ("channel_outage", "channel_5xx", "channel_429", "channel_garbage", "net_silent", "net_refused")
EVERYWHERE = ("postgres", "broker", "kill")
OUTSIDE = ("network", "channel")
Say = Callable[[str], None]


@dataclass(slots=True)
class Campaign:
    """What a campaign saw."""

    seed: int
    size: Size
    done: list[Done] = field(default_factory=list)
    converged_after_s: float | None = None
    owed: list[str] = field(default_factory=list)
    traded_from: datetime | None = None
    calm: Calm | None = None
    report: Doc = field(default_factory=dict)


def campaign(seed: int, size: Size, folder: Path, say: Say) -> Campaign:
    """Run one and return what was seen, the report with it."""
    made = Campaign(seed, size)
    with (
        # The outermost: a server started again by one of its threads lives no longer than the thread.
        ThreadPoolExecutor(max_workers=12, thread_name_prefix="fault") as pool,
        services(folder / "var", durable=False, external=False) as running,
    ):
        ground = Ground(folder / "var", running)
        began = time.monotonic()
        try:
            ground.open(seed=seed)
            say(f"everything is up after {time.monotonic() - began:.0f} s; {size.total} faults are planned")
            _wait_for_rest(ground, 90)
            made.traded_from = timezone.now()
            ground.trade(every_s=TRADE_EVERY_S)
            _break(made, ground, pool, say)
            ground.end_trade()
            Faults(ground).heal()
            _converge(made, ground, say)
            if made.converged_after_s is not None:
                connection.close()
                made.calm = measure(ground)
                say(f"alone: {made.calm.document()}")
                _wait_for_rest(ground, 60)
            made.report = _judged(made, ground)
            assert not ground.beside_alive(), f"a witness died: {ground.beside_alive()}"
        finally:
            connection.close()
            ground.close()
    return made


def _break(made: Campaign, ground: Ground, pool: ThreadPoolExecutor, say: Say) -> None:
    faults, start = Faults(ground), time.monotonic()
    waiting = []
    for one in plan(made.seed, made.size):
        time.sleep(max(0.0, start + one.at_s - time.monotonic()))
        waiting.append(pool.submit(faults.play, one))
    made.done = [one.result(timeout=made.size.outage_s + 120) for one in waiting]
    played = sum(one.played for one in made.done)
    say(f"{played} of {len(made.done)} faults were played in {time.monotonic() - start:.0f} s")


def _converge(made: Campaign, ground: Ground, say: Say) -> None:
    began, ended = time.monotonic(), timezone.now()
    asked = float("-inf")
    connection.close()
    while time.monotonic() - began < CONVERGE_S:
        if time.monotonic() - asked > ASK_AGAIN_S:
            # As an operator would after an outage: read everything once more now, not at the next turn. Asked
            # again, for a reading that had begun before puts its own next turn in the place of ours.
            Cursor.objects.exclude(swept_at__gt=ended).update(run_at=timezone.now())
            asked = time.monotonic()
        made.owed = books.unrest(ground) or ([] if books.is_swept(ended) else ["streams are to be read"])
        if not made.owed:
            made.converged_after_s = time.monotonic() - began
            say(f"all was settled {made.converged_after_s:.1f} s after the last fault")
            Cursor.objects.update(run_at=timezone.now() + timedelta(minutes=30))
            return
        time.sleep(0.5)
    say(f"not settled after {CONVERGE_S:.0f} s: {made.owed[:5]}")


def _wait_for_rest(ground: Ground, patience_s: float) -> None:
    ground.wait(lambda: not books.unrest(ground), "the opening is told", patience_s=patience_s, every_s=0.3)


def _judged(made: Campaign, ground: Ground) -> Doc:
    journals = {name: list(read(ground.journal(name))) for name in (*ground.shops, "till")}
    compared = books.compare(ground, journals)
    ledger = ledgers.compare_ledger(journals["till"])
    assert made.traded_from is not None
    audit = ledgers.compare_audit(made.traded_from, _troubles(made.done))
    products = {code: {retailer.product_of(code, sku): sku for sku in SKUS} for code in ground.shops}
    seen = judge.read_books(
        {code: journals[code] for code in ground.shops}, journals["till"], products=products,
        sold_from=retailer.SOLD_FROM,
    )  # fmt: skip
    drift = seen.drift()
    found = judge.find(seen, _unreachable(made.done, ground.away))
    limits = {code: shop.get("limit") for code, shop in ground.shops.items()}
    recovery = _recovery(made.done, seen)
    report: dict[str, Any] = {
        "seed": made.seed,
        "size": made.size.name,
        "faults": _counted(made.done),
        "faults_played": sum(one.played for one in made.done),
        "faults_planned": len(made.done),
        "not_played": [
            f"{one.planned.kind} {one.planned.target}: {one.problem}" for one in made.done if not one.played
        ],
        "deliveries": {"acknowledged": compared.acknowledged, "stored": compared.stored, **compared.states},
        "trade": _trade(read(ground.journal("trade"))),
        "sales": found.sales,
        "landed": found.landed,
        "lost": len(compared.lost),
        "doubled": len(compared.doubled),
        "unapplied": len(compared.unapplied),
        "books_differ": len(compared.differs),
        "witnesses_differ": len(drift),
        "ledger_differs": len(ledger),
        "audit_differs": len(audit),
        "oversold": found.oversold,
        "oversold_inherent": found.oversold_inherent,
        "regressed": found.regressed,
        "written_over": {"times": found.written_over, "longest_s": round(found.written_over_longest_s, 2)},
        "over_limit": sum(one["over"] for one in limits.values()),
        "limits": limits,
        "converged_after_s": made.converged_after_s,
        "still_owed": made.owed[:20],
        "recovery_s": recovery,
        "alone": made.calm.document() if made.calm else {},
        "restarts": len(ground.away),
        "cases": compared.cases,
        "details": [
            *compared.lost[:10], *compared.doubled[:10], *compared.unapplied[:10], *compared.differs[:20],
            *drift[:12], *ledger[:20], *audit[:20], *found.notes[:20],
        ],
    }  # fmt: skip
    report["breaches"] = [*breaches(report), *(made.calm.breaches() if made.calm else ())]
    return report


def breaches(report: Doc) -> list[str]:
    """Return which promises were not kept."""
    zero = (
        "lost", "doubled", "unapplied", "books_differ", "witnesses_differ", "ledger_differs",
        "audit_differs", "oversold", "regressed", "over_limit",
    )  # fmt: skip
    found = [f"{name}: {report[name]}" for name in zero if report[name]]
    if report["converged_after_s"] is None:
        found.append(f"not settled within {CONVERGE_S:.0f} s after the last fault")
    if report["faults_played"] < min(LEAST, report["faults_planned"]):
        found.append(f"only {report['faults_played']} faults were played: too few to prove anything")
    return found


def _unreachable(done: list[Done], away: list[Away]) -> list[judge.Fault]:
    """Return the times in which a shop could not be told, or nobody was there to tell it."""
    gone = [judge.Fault("", one.since, one.until or time.time()) for one in away]
    return gone + [
        judge.Fault("" if one.planned.family in EVERYWHERE else one.planned.target, one.began, one.lifted)
        for one in done
        if one.planned.kind in UNREACHABLE or one.planned.family in EVERYWHERE
    ]


def _troubles(done: list[Done]) -> list[ledgers.Trouble]:
    """Return when the shops were ailing by our doing, whether or not the hub met it."""
    return [
        ledgers.Trouble(
            one.planned.target,
            one.began,
            one.lifted,
            whole=one.played and one.planned.kind == "channel_outage",
        )
        for one in done
        if one.planned.family in OUTSIDE
    ]


def _counted(done: list[Done]) -> dict[str, int]:
    counted: dict[str, int] = defaultdict(int)
    for one in done:
        counted[one.planned.kind] += one.played
    return dict(sorted(counted.items()))


def _trade(lines: Any) -> dict[str, int]:
    counted: dict[str, int] = defaultdict(int)
    for line in lines:
        if line["what"] in ("did", "refused"):
            counted["refused" if line["what"] == "refused" else line["act"]] += 1
    return dict(sorted(counted.items()))


def _recovery(done: list[Done], seen: judge.Books) -> dict[str, dict[str, float]]:
    """Return per kind how long after a fault was lifted the next figure of ours landed in a shop."""
    ours = {
        shop: sorted(
            one.at for (code, _), rows in seen.landings.items() if shop in ("", code) for one in rows
            if one.who == "api"
        )
        for shop in ("", *retailer.SHOPS)
    }  # fmt: skip
    times: dict[str, list[float]] = defaultdict(list)
    for one in done:
        shop = one.planned.target if one.planned.target in retailer.SHOPS else ""
        later = [at for at in ours[shop] if at > one.lifted]
        if one.played and later:
            times[one.planned.kind].append(later[0] - one.lifted)
    return {
        kind: {"p50": round(median(found), 2), "max": round(max(found), 2)}
        for kind, found in sorted(times.items())
    }
