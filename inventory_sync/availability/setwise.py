"""The plain figures of a whole batch by one statement: read, work out, save, append to the history.

A twin of plain.py in SQL, for stocked items in which nothing is special on any of their channels: whoever
wants to know the arithmetic reads it there (and in domain.availability); each step below bears its term's
name. tests/availability/test_setwise.py holds both against each other over random worlds. An item that is not
plain, a kit among them, is named in the answer and left to the desk. In millionths, as there.

Part of PostgresAvailability (store.py); its items are held, so nobody else writes their figures meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from django.db import connection

from inventory_sync.availability.ports import FigureChange, Plainly
from inventory_sync.catalog.resolve import PIECES
from inventory_sync.ledger.services import array_of

# Above this a share of it would not fit a bigint any more; the desk knows no such limit.
_LARGEST = 10**14


def _amount(micro: str) -> str:
    """Return SQL for a quantity as steps.amount_of stores it: a whole number as one, others as text."""
    return (
        f"CASE WHEN {micro} %% 1000000 = 0 THEN ({micro} / 1000000)::text"
        f" ELSE '\"' || trim_scale({micro} * 0.000001)::text || '\"' END"
    )


def _term(name: str, micro: str, *, at_place: bool = False) -> str:
    """Return SQL for one term with a comma before it; nothing if it is zero."""
    where = " || ',' || code" if at_place else ""
    return f"CASE WHEN {micro} = 0 THEN '' ELSE ',[\"{name}\",' || {_amount(micro)}{where} || ']' END"


# Every read is of one snapshot, taken after the claim. The ids come out of a subquery: as constants the
# planner weighs each of them at every place, for longer than the look-ups take. It reckons with a handful
# now, and looks them up by index, but must not join by nested loops. Stages end in OFFSET 0 so that it does
# not fold one into the next and work each out many times over.
_WORK_OUT = f"""
WITH given AS MATERIALIZED (
    SELECT %(ids)s::bigint[] AS ids
), place AS MATERIALIZED (
    SELECT l.id AS location_id, to_json(l.code)::text AS code, l.code COLLATE "C" AS turn,
        coalesce(f.stale, false) AS stale,
        l.complete_since IS NOT NULL AND l.complete_since <= %(now)s AND NOT coalesce(f.stale, false) AS empty
    FROM catalog_location l LEFT JOIN availability_freshness f ON f.location_id = l.id
), pool AS MATERIALIZED (
    SELECT DISTINCT m.connection_id, m.location_id FROM catalog_locationmapping m
    JOIN catalog_location l ON l.id = m.location_id WHERE m.sells_for AND l.active
), policy AS MATERIALIZED (
    SELECT id, connection_id, item_id, version, (share_percent * 100)::bigint AS share,
        (buffer * 1000000)::bigint AS buffer, (buffer_percent * 100)::bigint AS buffer_percent,
        (cap * 1000000)::bigint AS cap, (threshold * 1000000)::bigint AS threshold,
        (safety_stock * 1000000)::bigint AS safety_stock, (nullif(pack, 0) * 1000000)::bigint AS pack,
        (backorder_allowance * 1000000)::bigint AS backorders, preorder_allowance <> 0 AS ahead
    FROM availability_policy WHERE item_id IS NULL OR item_id = ANY((SELECT ids FROM given)::bigint[])
), safety AS MATERIALIZED (
    SELECT item_id, location_id, (quantity * 1000000)::bigint AS quantity FROM availability_safetystock
    WHERE item_id IS NULL OR item_id = ANY((SELECT ids FROM given)::bigint[])
), item AS (
    SELECT id AS item_id, kind, base_unit_id FROM catalog_item
    WHERE id = ANY((SELECT ids FROM given)::bigint[])
), owed AS MATERIALIZED (
    SELECT item_id, location_id, sum(quantity - contained) AS quantity FROM ledger_allocation
    WHERE open AND item_id = ANY((SELECT ids FROM given)::bigint[]) AND quantity > contained
    GROUP BY item_id, location_id
), stock AS MATERIALIZED (
    SELECT l.item_id, l.location_id, l.known, l.version, l.on_hand, l.unavailable, l.reserved, l.unassigned,
        coalesce(o.quantity, 0) AS owed
    FROM ledger_stocklevel l LEFT JOIN owed o USING (item_id, location_id)
    WHERE l.item_id = ANY((SELECT ids FROM given)::bigint[])
        AND (o.item_id IS NOT NULL OR l.location_id IN (SELECT location_id FROM pool))
), offered AS MATERIALIZED (
    SELECT o.connection_id, o.item_id, coalesce(own.id, of_all.id) AS policy_id
    FROM (
        SELECT DISTINCT m.connection_id, m.item_id FROM catalog_itemmapping m
        JOIN connections_connection c ON c.id = m.connection_id
        WHERE m.item_id = ANY((SELECT ids FROM given)::bigint[]) AND m.state = 'confirmed' AND c.sells
    ) AS o
    LEFT JOIN policy own ON own.connection_id = o.connection_id AND own.item_id = o.item_id
    LEFT JOIN policy of_all ON of_all.connection_id = o.connection_id AND of_all.item_id IS NULL
), standing AS MATERIALIZED (
    SELECT ctid AS at, connection_id, item_id, (figure * 1000000)::bigint AS figure,
        (last_known * 1000000)::bigint AS last_known, version, correlation_id, verdict, policy_version,
        "unknown" = '[]' AS sure
    FROM availability_channelfigure WHERE item_id = ANY((SELECT ids FROM given)::bigint[])
), here AS MATERIALIZED (
    SELECT o.connection_id, o.item_id, place.code, place.turn, s.version,
        CASE WHEN s.item_id IS NULL THEN place.empty ELSE s.known AND NOT place.stale END AS known,
        s.on_hand, s.unavailable, s.reserved, s.unassigned, s.owed,
        greatest(coalesce(own.quantity, of_all.quantity, 0), p.safety_stock) AS safety,
        coalesce((s.on_hand - s.unavailable - s.reserved - s.unassigned - s.owed) * 1000000, 0)::bigint AS net
    FROM offered o JOIN pool USING (connection_id) JOIN place USING (location_id)
    LEFT JOIN policy p ON p.id = o.policy_id
    LEFT JOIN stock s ON s.item_id = o.item_id AND s.location_id = pool.location_id
    LEFT JOIN safety own ON own.item_id = o.item_id AND own.location_id = pool.location_id
    LEFT JOIN safety of_all ON of_all.item_id IS NULL AND of_all.location_id = pool.location_id
), pooled AS (
    SELECT connection_id, item_id, sum(greatest(net - safety, 0)) AS total,
        bool_and(known AND net - safety < {_LARGEST}) AS known
    FROM here GROUP BY connection_id, item_id
), summed AS (
    SELECT o.connection_id, o.item_id, pooled.total::bigint AS total,
        coalesce(p.version, 0) AS policy_version, coalesce(p.share, 10000) AS share,
        coalesce(p.buffer, 0) AS declared, coalesce(p.buffer_percent, 0) AS percent, p.cap,
        coalesce(p.threshold, 0) AS threshold, coalesce(p.backorders, 0) AS backorders,
        coalesce(p.pack, CASE WHEN i.base_unit_id = ANY(%(pieces)s) THEN 1000000 ELSE 1 END) AS pack,
        coalesce(pooled.known AND pooled.total < {_LARGEST} AND NOT coalesce(p.ahead, false)
            AND i.kind <> 'kit', false) AS plain
    FROM offered o JOIN item i USING (item_id)
    LEFT JOIN pooled USING (connection_id, item_id) LEFT JOIN policy p ON p.id = o.policy_id
), shared AS (
    SELECT *, total * share / 10000 AS left_by_share FROM summed OFFSET 0
), by_percent AS (
    SELECT *, (left_by_share * percent + 9999) / 10000 AS percentage FROM shared OFFSET 0
), buffered AS (
    SELECT *, left_by_share - greatest(percentage, declared) AS over_buffer FROM by_percent OFFSET 0
), clamped AS (
    SELECT *, greatest(over_buffer + backorders, 0) AS not_less FROM buffered OFFSET 0
), capped AS (
    SELECT *, least(not_less, cap) AS not_more FROM clamped OFFSET 0
), packed AS (
    SELECT *, not_more - not_more %% pack AS in_packs FROM capped OFFSET 0
), figured AS MATERIALIZED (
    SELECT packed.*, CASE WHEN in_packs < threshold THEN 0 ELSE in_packs END AS figure,
        s.at, s.figure AS previous, s.version AS version_before, s.correlation_id AS cause_before,
        s.at IS NULL OR s.verdict <> 'known' OR NOT s.sure OR s.policy_version <> packed.policy_version
            OR s.last_known IS DISTINCT FROM s.figure AS changed_beside
    FROM packed LEFT JOIN standing s USING (connection_id, item_id)
), special AS MATERIALIZED (
    SELECT item_id FROM figured WHERE NOT plain
    UNION SELECT s.item_id FROM standing s WHERE NOT EXISTS (
        SELECT FROM offered o WHERE o.connection_id = s.connection_id AND o.item_id = s.item_id)
    UNION SELECT item_id FROM availability_allotment WHERE item_id = ANY((SELECT ids FROM given)::bigint[])
        AND ended_at IS NULL AND granted_at <= %(now)s AND (expires_at IS NULL OR expires_at > %(now)s)
    -- A place that owes more than it has, or of which nothing is known, concerns pools it is no part of.
    UNION SELECT owed.item_id FROM owed
    LEFT JOIN stock s USING (item_id, location_id) JOIN place USING (location_id)
    JOIN offered o ON o.item_id = owed.item_id LEFT JOIN policy p ON p.id = o.policy_id
    LEFT JOIN safety own ON own.item_id = owed.item_id AND own.location_id = owed.location_id
    LEFT JOIN safety of_all ON of_all.item_id IS NULL AND of_all.location_id = owed.location_id
    WHERE s.known IS NOT TRUE OR place.stale
        OR (s.on_hand - s.unavailable - s.reserved - s.unassigned - s.owed) * 1000000
            < greatest(coalesce(own.quantity, of_all.quantity, 0), p.safety_stock)
), dirt AS (
    SELECT item_id, correlation_id FROM ledger_dirtyitem
    WHERE item_id = ANY((SELECT ids FROM given)::bigint[])
), news AS MATERIALIZED (
    SELECT f.*, f.figure IS DISTINCT FROM f.previous AS changed,
        coalesce(f.version_before, 0) + (f.figure IS DISTINCT FROM f.previous)::int AS version,
        CASE WHEN f.figure IS DISTINCT FROM f.previous OR f.at IS NULL THEN coalesce(d.correlation_id, '')
            ELSE f.cause_before END AS cause
    FROM figured f LEFT JOIN dirt d USING (item_id)
    WHERE (f.changed_beside OR f.figure IS DISTINCT FROM f.previous)
        AND f.item_id NOT IN (SELECT item_id FROM special)
), changed AS (
    UPDATE availability_channelfigure f SET figure = n.figure * 0.000001, last_known = n.figure * 0.000001,
        version = n.version, policy_version = n.policy_version, verdict = 'known', correlation_id = n.cause,
        "unknown" = '[]', computed_at = %(now)s
    FROM news n WHERE f.ctid = n.at AND f.ctid = ANY(ARRAY(SELECT at FROM news))
), added AS (
    INSERT INTO availability_channelfigure (connection_id, item_id, figure, last_known, version,
        policy_version, verdict, correlation_id, "unknown", computed_at)
    SELECT connection_id, item_id, figure * 0.000001, figure * 0.000001, version, policy_version, 'known',
        cause, '[]', %(now)s
    FROM news WHERE at IS NULL
), in_millionths AS (
    SELECT h.connection_id, h.item_id, h.turn, h.code, h.version, h.safety, h.net,
        coalesce(on_hand * 1000000, 0)::bigint AS on_hand,
        coalesce(unavailable * 1000000, 0)::bigint AS unavailable,
        coalesce(reserved * 1000000, 0)::bigint AS reserved,
        coalesce(unassigned * 1000000, 0)::bigint AS unassigned, coalesce(owed * 1000000, 0)::bigint AS owed
    FROM here h JOIN news USING (connection_id, item_id) OFFSET 0
), of_places AS (
    SELECT connection_id, item_id, string_agg(
        ',["on_hand",' || {_amount("on_hand")} || ',' || code || coalesce(',"",' || version, '') || ']'
        || {_term("unavailable", "-unavailable", at_place=True)}
        || {_term("reserved_by_authority", "-reserved", at_place=True)}
        || {_term("unassigned_at_authority", "-unassigned", at_place=True)}
        || {_term("open_demand", "-owed", at_place=True)} || {_term("safety_stock", "-safety", at_place=True)}
        || {_term("floored_at_zero", "greatest(safety - net, 0)", at_place=True)},
        '' ORDER BY turn) AS terms
    FROM in_millionths GROUP BY connection_id, item_id
), kept AS (
    INSERT INTO availability_figurehistory (computed_at, connection_id, item_id, version, policy_version,
        figure, verdict, correlation_id, terms)
    SELECT %(now)s, connection_id, item_id, version, policy_version, figure * 0.000001, 'known', cause,
        ('[' || substr(
            terms || {_term("share", "(left_by_share - total)")}
            || CASE WHEN percentage > declared THEN {_term("buffer_percent", "-percentage")}
                ELSE {_term("buffer", "-declared")} END
            || {_term("backorder_allowance", "backorders")}
            || {_term("clamped_at_zero", "(not_less - over_buffer - backorders)")}
            || {_term("cap", "(not_more - not_less)")} || {_term("pack_remainder", "(in_packs - not_more)")}
            || {_term("below_threshold", "(figure - in_packs)")}, 2) || ']')::jsonb
    FROM news JOIN of_places USING (connection_id, item_id)
)
SELECT NULL::bigint, item_id, NULL::numeric, NULL::numeric, NULL::bigint, NULL::boolean, NULL::text
FROM special
UNION ALL
SELECT connection_id, item_id, trim_scale(figure * 0.000001), trim_scale(previous * 0.000001), version,
    figure <= %(near_zero)s * 1000000 AND (previous IS NULL OR figure < previous), cause
FROM news WHERE changed
"""  # noqa: S608 - put together of the fragments above


def save_plain(item_ids: Collection[int], *, now: datetime, urgent_at_or_below: Decimal | int) -> Plainly:
    """See ports.AvailabilityStore.save_plain."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(
            _WORK_OUT,
            {
                "ids": array_of(item_ids),
                "now": now,
                "pieces": sorted(PIECES),
                "near_zero": urgent_at_or_below,
            },
        )
        rows = cursor.fetchall()
        cursor.execute("RESET enable_nestloop")
    special = frozenset(row[1] for row in rows if row[0] is None)
    return Plainly(special, [FigureChange._make(row) for row in rows if row[0] is not None])
