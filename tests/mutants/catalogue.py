"""The bugs that are seeded on purpose: each a small edit, why it would hurt, and who must catch it.

`before` must occur exactly once in the file: an edit that no longer applies is an error, not a pass.
`caught_by` are pytest targets, or "sim:N" for N seeds of the simulation; the first failing one is enough.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    why: str
    path: str
    before: str
    after: str
    caught_by: tuple[str, ...]


PIPELINE = "inventory_sync/pipeline"
DOMAIN = "inventory_sync/domain"
LEDGER = "inventory_sync/ledger"
SIM = "sim:150"

MUTANTS = (
    Mutant(
        "door-acknowledges-before-commit",
        "A 2xx is a promise; without the commit the message may be gone.",
        "inventory_sync/api/hooks/door.py",
        "            delivery_id = future.result(timeout=self._patience_s)\n",
        "            delivery_id = 1\n",
        (SIM,),
    ),
    Mutant(
        "no-fence-check",
        "A worker that lost its shard writes over the work of the next owner.",
        f"{PIPELINE}/drain.py",
        "            ports.intake.check_fence(claim)\n            done, touched =",
        "            done, touched =",
        ("sim:300",),
    ),
    Mutant(
        "neighbours-fall-with-the-poison",
        "One bad row of a batch parks all of it.",
        f"{PIPELINE}/drain.py",
        "        if len(batch) > 1:\n            middle",
        "        if len(batch) > 10_000:\n            middle",
        ("tests/pipeline/test_drain.py",),
    ),
    Mutant(
        "cursor-saved-before-its-page",
        "A crash between the two loses what only the sweep had found.",
        f"{PIPELINE}/sweep.py",
        "            with ports.intake.transaction():\n                _still_ours(turn, account, reading)\n",
        "            with ports.intake.transaction():\n"
        "                ports.cursors.save(\n"
        "                    account.id, stream.name, page.cursor, now=ports.clock(), done=page.done\n"
        "                )\n"
        "            with ports.intake.transaction():\n                _still_ours(turn, account, reading)\n",
        ("sim:600",),
    ),
    Mutant(
        "push-of-a-delta",
        "A difference sent twice is applied twice; only absolute figures can be repeated.",
        f"{PIPELINE}/push.py",
        "LevelWrite(row.ref, decision.figure, flight",
        "LevelWrite(row.ref, decision.figure - decision.expected, flight",
        (SIM,),
    ),
    Mutant(
        "figure-without-the-newest-report",
        "A till sale applied after computing is not in the figure that is written.",
        f"{PIPELINE}/push.py",
        "                if row.fresh\n",
        "                if True\n",
        ("tests/sim/test_moments.py", "sim:600"),
    ),
    Mutant(
        "no-pull-before-computing",
        "The figure is computed before the orders that lowered the channel's own are known.",
        f"{PIPELINE}/push.py",
        "    pulled_at = ports.clock()\n    pull_orders(work.account, ports=ports)\n",
        "    pulled_at = ports.clock()\n",
        (SIM,),
    ),
    Mutant(
        "unexplained-fall-is-raised-over",
        "A sale the channel still hides from pulls is written over.",
        f"{DOMAIN}/sandwich.py",
        "    if state.fall is not None and state.desired >= state.observed:\n",
        "    if False and state.fall is not None and state.desired >= state.observed:\n",
        ("tests/domain/test_lane.py", SIM),
    ),
    Mutant(
        "settled-without-reading-back",
        "An accepted write is believed although the channel shows something else.",
        f"{DOMAIN}/sandwich.py",
        "    if report.read_after != aim.figure:\n",
        "    if False and report.read_after != aim.figure:\n",
        ("tests/domain/test_lane.py", SIM),
    ),
    Mutant(
        "news-ignored-at-settle",
        "An order that came meanwhile changed the figure the call believes to be shown.",
        f"{DOMAIN}/sandwich.py",
        "    if report.news_after != aim.news or state.news != aim.news:\n",
        "    if False and state.news != aim.news:\n",
        ("tests/domain/test_lane.py", SIM),
    ),
    Mutant(
        "ambiguous-outcome-settled",
        "A request whose answer was lost lands after the listing was called settled.",
        f"{DOMAIN}/sandwich.py",
        "    if state.ambiguous_until is not None and now < state.ambiguous_until:\n"
        "        return Owed.AMBIGUOUS\n",
        "",
        ("tests/domain/test_lane.py", SIM),
    ),
    Mutant(
        "lost-flight-forgotten",
        "What a dead worker may have sent is not waited for.",
        f"{DOMAIN}/lane.py",
        "    if lost is not None and lost.aim is not None:\n",
        "    if False and lost is not None and lost.aim is not None:\n",
        ("tests/domain/test_lane.py", "tests/propagation/test_store.py -k memory"),
    ),
    Mutant(
        "unknown-owed-as-zero",
        "A figure nobody knows would close the sale of everything.",
        f"{DOMAIN}/lane.py",
        "    if figure is None:\n        return replace(after, dirty_since=None, urgent=False)\n",
        "    if figure is None:\n        after = replace(after, desired=ZERO)\n",
        ("tests/domain/test_lane.py", "tests/propagation/test_store.py -k memory", SIM),
    ),
    Mutant(
        "late-deltas-forgotten-by-a-count",
        "What happened after a count is lost when the count arrives later.",
        f"{DOMAIN}/levels.py",
        "        found = told.quantity + (ZERO if start is None else deltas_after(start))\n",
        "        found = told.quantity\n",
        ("tests/domain/test_levels.py", SIM),
    ),
    Mutant(
        "late-delta-older-than-the-count-added",
        "A sale the count already missed from the shelf is taken off twice.",
        f"{DOMAIN}/levels.py",
        "    if not basis.counts(delta.at):\n",
        "    if False and not basis.counts(delta.at):\n",
        ("tests/domain/test_levels.py", SIM),
    ),
    Mutant(
        "figures-by-arrival-not-by-reading",
        "An older reading that arrives late replaces the newer.",
        f"{DOMAIN}/levels.py",
        "    if newest is not None and state.reading is not None and newest.reading <= state.reading:\n",
        "    if newest is not None and newest.reading < 0:\n",
        ("tests/domain/test_levels.py",),
    ),
    Mutant(
        "containment-one-sided",
        "An assignment taken back before the reading is still taken for contained.",
        f"{DOMAIN}/containment.py",
        "    return min(before.assigned + before.delivered, after.assigned + after.delivered)\n",
        "    return before.assigned + before.delivered\n",
        ("tests/domain/test_containment.py", "tests/domain/test_counterexamples.py"),
    ),
    Mutant(
        "checked-per-line-not-per-order",
        "The same item in two lines is promised twice from the same stock.",
        f"{DOMAIN}/routing.py",
        "            self._taken[place] = self._taken.get(place, ZERO) + units * part.per_unit\n",
        "            self._taken[place] = self._taken.get(place, ZERO)\n",
        ("tests/domain/test_routing.py",),
    ),
    Mutant(
        "exits-are-final",
        "An order paid after its hold expired, or taken out of the bin, is never subtracted again.",
        f"{DOMAIN}/reservations.py",
        "        base = replace(before, demand=fresh.quantity)\n",
        "        if before.status.is_exit:\n            return before\n"
        "        base = replace(before, demand=fresh.quantity)\n",
        ("tests/domain/test_reservations.py", SIM),
    ),
    Mutant(
        "order-versions-ignored",
        "A late webhook with yesterday's order undoes today's cancellation.",
        f"{DOMAIN}/reservations.py",
        "        return Standing.NEWER if got.stamp > have.stamp else Standing.OLDER\n",
        "        return Standing.NEWER\n",
        ("tests/domain/test_reservations.py", SIM),
    ),
    Mutant(
        "movable-shortage-dropped",
        "What is owed at an empty place is sold again from the full one beside it.",
        f"{DOMAIN}/availability.py",
        "        if shortage:\n            steps.append(",
        "        if False:\n            steps.append(",
        ("tests/domain/test_availability.py", SIM),
    ),
    Mutant(
        "event-keys-forgotten",
        "The same movement told twice is posted twice.",
        "inventory_sync/ledger/rows_keys.py",
        "ORDER BY place ON CONFLICT DO NOTHING\n",
        "ORDER BY place ON CONFLICT (connection_id, key) DO UPDATE SET recorded_at = excluded.recorded_at\n",
        ("tests/ledger/test_posting.py -k postgres",),
    ),
    Mutant(
        "delivery-keys-forgotten",
        "A message repeated by its sender is kept and applied as another one.",
        "inventory_sync/intake/sql.py",
        "    WHERE i.key IS NULL OR f.key IS NOT NULL\n",
        "",
        ("tests/intake/test_store.py -k postgres",),
    ),
    Mutant(
        "attempts-counted-at-the-end",
        "A message that kills its worker never gets to be counted, and kills for ever.",
        "inventory_sync/intake/store.py",
        "UPDATE intake_delivery d SET attempts = d.attempts + 1\n",
        "UPDATE intake_delivery d SET attempts = d.attempts\n",
        ("tests/intake/test_store.py -k postgres",),
    ),
    Mutant(
        "books-hold-nothing",
        "A line the figure holds already is subtracted a second time, for ever.",
        f"{LEDGER}/placing.py",
        "        return replace(each, contained=held.contained, delivered=held.delivered)\n",
        "        return each\n",
        ("tests/ledger/test_figures.py -k memory",),
    ),
    Mutant(
        "second-figure-of-a-reading-believed",
        "Two figures of one reading that differ: which one counts would depend on their order.",
        f"{LEDGER}/folding.py",
        "        if says_other(event, first := said[event.connection_id, event.key])\n",
        "        if not (first := said[event.connection_id, event.key])\n",
        ("tests/ledger/test_figures.py -k memory",),
    ),
    Mutant(
        "old-tenure-rules",
        "After a change of mode the level would still rest on what the former authority counted.",
        f"{DOMAIN}/basis.py",
        "            if tenures.at(count.at.occurred_at) > tenures.of_reading(reading):\n",
        "            if tenures.at(count.at.occurred_at) < tenures.of_reading(reading):\n",
        ("tests/domain/test_modes.py",),
    ),
    Mutant(
        "doubt-cured-by-an-older-reading",
        "A reading that was under way when the fault was noticed would make the level known again.",
        f"{DOMAIN}/levels.py",
        "    return isinstance(told, Count) or unknown_since is None or told.reading > unknown_since\n",
        "    return isinstance(told, Count) or unknown_since is None or told.reading > 0\n",
        ("tests/domain/test_levels.py", "tests/ledger/test_figures.py -k memory"),
    ),
    Mutant(
        "last-comer-served-first",
        "Of many requests decided together the last would get the last unit.",
        f"{LEDGER}/requests.py",
        "    answers = tuple(map(clerk.answer, requests, contents))\n",
        "    answers = tuple(map(clerk.answer, requests[::-1], contents[::-1]))[::-1]\n",
        ("tests/ledger/test_requests.py -k memory",),
    ),
    Mutant(
        "who-waits-is-passed-over",
        "A new request takes the stock an older order, short elsewhere, could be moved to.",
        f"{LEDGER}/requests.py",
        "                    left[item, other] -= taken\n",
        "                    left[item, other] -= ZERO\n",
        ("tests/ledger/test_requests.py -k memory",),
    ),
    Mutant(
        "levels-not-locked",
        "Two sessions read the same stock and both promise it.",
        f"{LEDGER}/rows_levels.py",
        "        WHERE s.item_id = given.item_id AND s.location_id = given.location_id FOR NO KEY UPDATE\n",
        "        WHERE s.item_id = given.item_id AND s.location_id = given.location_id\n",
        ("tests/ledger/test_interleavings.py",),
    ),
    Mutant(
        "shortcut-at-the-time-of-the-count",
        "A sale of the very moment of a count, which the count holds, is taken off once more.",
        f"{LEDGER}/plain.py",
        "            or event.occurred_at <= later_than[key]\n",
        "            or event.occurred_at < later_than[key]\n",
        ("tests/ledger/test_any_order.py -k memory",),
    ),
    Mutant(
        "allotments-beyond-the-stock",
        "Two channels are each given the last units for themselves.",
        f"{DOMAIN}/allotments.py",
        "        missing += each.unconsumed - serving.add(pool, each.unconsumed)\n",
        "        missing += each.unconsumed - Serving(free).add(pool, each.unconsumed)\n",
        ("tests/domain/test_promises_and_allotments.py",),
    ),
    Mutant(
        "chain-of-shortages-not-followed",
        "A shortage reaches this pool through a line that stands between, and its stock is sold twice.",
        f"{DOMAIN}/availability.py",
        "    if chained > 0:\n",
        "    if chained > 1_000:\n",
        ("tests/domain/test_availability.py",),
    ),
    Mutant(
        "shortage-nobody-can-serve-taken-off",
        "What waits for two empty places is taken off a third for good: an undersell that lasts.",
        f"{DOMAIN}/availability.py",
        "    elif chained < 0:\n",
        "    elif chained < -1_000:\n",
        ("tests/domain/test_availability.py",),
    ),
    Mutant(
        "history-of-figures-shortened",
        "What a channel was told yesterday can no longer be explained.",
        "inventory_sync/availability/saving.py",
        '                copy.write("".join(_lines(figures, now.isoformat())))\n',
        '                copy.write("".join(_lines(old, now.isoformat())))\n',
        ("tests/availability/test_figure_history.py",),
    ),
    Mutant(
        "plain-history-without-its-version",
        "What a channel was told yesterday is explained by the terms of another day.",
        "inventory_sync/availability/setwise.py",
        "    SELECT %(now)s, connection_id, item_id, version, policy_version, shown, 'known', cause,\n",
        "    SELECT %(now)s, connection_id, item_id, version - 1, policy_version, shown, 'known', cause,\n",
        ("tests/availability/test_setwise.py",),
    ),
    Mutant(
        "kits-pooled-where-they-may-not-be",
        "A kit would be sold of parts that lie in two warehouses.",
        "inventory_sync/availability/setwise.py",
        "    WHERE kit_pooled\n",
        "    WHERE true\n",
        ("tests/availability/test_setwise.py",),
    ),
    Mutant(
        "figure-holds-what-only-waits",
        "A unit that Odoo assigned to nobody is sold a second time.",
        "connectors/odoo/demand.py",
        '            if name is None or not (move.open or places.usage(move.target) == "customer"):\n',
        "            if name is None:\n",
        ("tests/connectors/odoo/test_demand.py", "tests/connectors/odoo/test_reading_demand.py"),
    ),
    Mutant(
        "books-of-two-instants",
        "Stock before a delivery beside the moves after it: what is promised is sold again.",
        "connectors/odoo/readings.py",
        "        if not disputed:\n            break\n        again",
        "        if True:\n            break\n        again",
        ("tests/connectors/odoo/test_one_picture.py", "tests/connectors/odoo/test_readings.py"),
    ),
    Mutant(
        "order-made-again-after-people-cancelled-it",
        "What staff cancelled at the ERP on purpose comes back by itself.",
        f"{DOMAIN}/copies.py",
        "    if not may_revive and seen.state is CopyState.CANCELLED:\n",
        "    if False:\n",
        ("tests/domain/test_copies.py",),
    ),
    Mutant(
        "order-written-while-the-first-may-land",
        "A request that is still on its way lands after a second one was sent.",
        "inventory_sync/workflows/sending.py",
        "                not_before=now + work.lease,\n",
        "                not_before=now,\n",
        ("tests/workflows/test_sending.py",),
    ),
    Mutant(
        "what-has-left-taken-back",
        "A refund after delivery lowers the order below what has left, and becomes a case.",
        f"{DOMAIN}/copies.py",
        "            want[key] = max(want.get(key, ZERO), line.delivered)\n",
        "            want[key] = want.get(key, ZERO)\n",
        ("tests/domain/test_copies.py",),
    ),
    Mutant(
        "turn-of-readings-not-checked",
        "A reading that lost its turn is stored under a number that claims to be the newest.",
        f"{PIPELINE}/turns.py",
        "            return bool(cursor.fetchone()[0])\n",
        "            return True\n",
        ("tests/pipeline/test_reading_turns.py",),
    ),
    Mutant(
        "mirrored-twice",
        "A movement goes into a second document: the mirror counts it twice.",
        "inventory_sync/propagation/mirror_cut.py",
        "        after_id=level.after_id,\n        upto_id=upto_id,\n",
        "        after_id=level.after_id,\n        upto_id=level.after_id,\n",
        ("tests/propagation/test_mirror_schedules.py", "tests/pipeline/test_mirror.py"),
    ),
)
