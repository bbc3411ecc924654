"""The plain figures of a whole batch by one statement: read, work out, save, append to the history.

A twin of plain.py in SQL, for items in which nothing is special on any of their channels, and kits of such
items: whoever wants to know the arithmetic reads it there (and in the domain); each step below bears its
term's name. tests/availability/test_setwise.py holds both against each other over random worlds. What is not
plain is named in the answer and left to the desk. In millionths, as there.

Part of PostgresAvailability (store.py); its items are held, so nobody else writes their figures meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor

from inventory_sync.availability.ports import FigureChange, Plainly
from inventory_sync.catalog.resolve import PIECES
from inventory_sync.ledger.services import array_of, words_of

# Above this a share of it would not fit a bigint any more; the desk knows no such limit.
_LARGEST = 10**14


def _micro(column: str) -> str:
    """Return SQL for a stored quantity in millionths; most are nothing, and looking is cheaper."""
    return f"CASE WHEN {column} = 0 THEN 0 ELSE ({column} * 1000000)::bigint END"


def _amount(micro: str) -> str:
    """Return SQL for a quantity as steps.amount_of stores it: a whole number as one, others as text."""
    return (
        f"CASE WHEN {micro} %% 1000000 = 0 THEN ({micro} / 1000000)::text"
        f" ELSE '\"' || trim_scale({micro} * 0.000001)::text || '\"' END"
    )


def _term(name: str, micro: str, *, at_place: bool = False) -> str:
    """Return SQL for one term with a comma before it; nothing if it is zero."""
    where = " || ',' || code || part" if at_place else ""
    return f"CASE WHEN {micro} = 0 THEN '' ELSE ',[\"{name}\",' || {_amount(micro)}{where} || ']' END"


# In force where the plan is made. Joins are by hash alone: a merge would sort by the channel and compare all
# its items.
_PLAN_SO = """
SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;
SET LOCAL plan_cache_mode = force_generic_plan
"""
_PLAN_AS_BEFORE = """
SET LOCAL enable_nestloop = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_seqscan = on;
SET LOCAL plan_cache_mode = auto
"""
_CLAMPED = "(not_less - backorders - left_by_share + greatest(percentage, declared))"

# Every read is of one snapshot, taken after the claim. The ids come out of a subquery: as constants the
# planner weighs each of them at every place, for longer than the look-ups take. It reckons with a handful
# now, and looks them up by index, but must not join by nested loops. Stages end in OFFSET 0 so that it does
# not fold one into the next and work each out many times over.
#
# given: the items to compute; involved: those and the parts of kits among them. offered: what channels sell
# of the given; wanted: whose stock decides that. here: all that decides it at one place of the pool.
_READ = f"""
WITH given AS MATERIALIZED (
    SELECT %(ids)s::bigint[] AS ids
), made_of AS MATERIALIZED (
    SELECT kit_id, component_id, (quantity * 1000000)::bigint AS per_kit FROM catalog_kitcomponent
    WHERE kit_id = ANY((SELECT ids FROM given)::bigint[])
), involved AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT component_id FROM made_of) AS ids FROM given
), item AS MATERIALIZED (
    SELECT id AS item_id, sku COLLATE "C" AS sku, kind = 'kit' AS is_kit, kit_pooled,
        CASE WHEN base_unit_id = ANY(%(pieces)s::text[]) THEN 1000000 ELSE 1 END AS pack
    FROM catalog_item WHERE id = ANY((SELECT ids FROM involved)::bigint[])
), place AS MATERIALIZED (
    SELECT l.id AS location_id, to_json(l.code)::text AS code, l.code COLLATE "C" AS turn,
        coalesce(f.stale, false) AS stale,
        l.complete_since IS NOT NULL AND l.complete_since <= %(now)s AND NOT coalesce(f.stale, false) AS empty
    FROM catalog_location l LEFT JOIN availability_freshness f ON f.location_id = l.id
), pool AS MATERIALIZED (
    SELECT m.connection_id, place.* FROM (
        SELECT DISTINCT connection_id, location_id FROM catalog_locationmapping WHERE sells_for
    ) AS m JOIN place USING (location_id) JOIN catalog_location l ON l.id = m.location_id WHERE l.active
), policy AS MATERIALIZED (
    SELECT id, connection_id, item_id, version, (share_percent * 100)::bigint AS share,
        (buffer * 1000000)::bigint AS buffer, (buffer_percent * 100)::bigint AS buffer_percent,
        (cap * 1000000)::bigint AS cap, (threshold * 1000000)::bigint AS threshold,
        (safety_stock * 1000000)::bigint AS safety_stock, (nullif(pack, 0) * 1000000)::bigint AS pack,
        (backorder_allowance * 1000000)::bigint AS backorders, preorder_allowance <> 0 AS ahead
    FROM availability_policy WHERE item_id IS NULL OR item_id = ANY((SELECT ids FROM involved)::bigint[])
), safety AS MATERIALIZED (
    SELECT item_id, location_id, (quantity * 1000000)::bigint AS quantity FROM availability_safetystock
    WHERE item_id IS NULL OR item_id = ANY((SELECT ids FROM involved)::bigint[])
), aside AS MATERIALIZED (
    SELECT item_id FROM availability_allotment WHERE item_id = ANY((SELECT ids FROM involved)::bigint[])
        AND ended_at IS NULL AND granted_at <= %(now)s AND (expires_at IS NULL OR expires_at > %(now)s)
), owed AS MATERIALIZED (
    SELECT item_id, location_id, (sum(quantity - contained) * 1000000)::bigint AS quantity
    FROM ledger_allocation
    WHERE open AND item_id = ANY((SELECT ids FROM involved)::bigint[]) AND quantity > contained
    GROUP BY item_id, location_id
), stock AS MATERIALIZED (
    SELECT l.item_id, l.location_id, l.known, l.version, {_micro("l.on_hand")} AS on_hand,
        {_micro("l.unavailable")} AS unavailable, {_micro("l.reserved")} AS reserved,
        {_micro("l.unassigned")} AS unassigned, coalesce(o.quantity, 0) AS owed
    FROM ledger_stocklevel l LEFT JOIN owed o USING (item_id, location_id)
    WHERE l.item_id = ANY((SELECT ids FROM involved)::bigint[])
        AND (o.item_id IS NOT NULL OR l.location_id IN (SELECT location_id FROM pool))
), standing AS MATERIALIZED (
    SELECT ctid AS at, connection_id, item_id, (figure * 1000000)::bigint AS figure, version, correlation_id,
        policy_version, verdict = 'known' AND "unknown" = '[]' AND last_known IS NOT DISTINCT FROM figure
            AS sure
    FROM availability_channelfigure WHERE item_id = ANY((SELECT ids FROM given)::bigint[])
), offered AS MATERIALIZED (
    SELECT o.connection_id, o.item_id, i.is_kit, i.kit_pooled, i.pack,
        coalesce(own.id, of_all.id) AS policy_id
    FROM (
        SELECT DISTINCT m.connection_id, m.item_id FROM catalog_itemmapping m
        JOIN connections_connection c ON c.id = m.connection_id
        WHERE m.item_id = ANY((SELECT ids FROM given)::bigint[]) AND m.state = 'confirmed' AND c.sells
    ) AS o JOIN item i USING (item_id)
    LEFT JOIN policy own ON own.connection_id = o.connection_id AND own.item_id = o.item_id
    LEFT JOIN policy of_all ON of_all.connection_id = o.connection_id AND of_all.item_id IS NULL
), part AS MATERIALIZED (
    SELECT o.connection_id, o.item_id, o.kit_pooled, m.component_id, m.per_kit, i.sku, i.is_kit
    FROM offered o JOIN made_of m ON m.kit_id = o.item_id JOIN item i ON i.item_id = m.component_id
), wanted AS MATERIALIZED (
    SELECT connection_id, item_id, policy_id FROM offered WHERE NOT is_kit
    UNION ALL SELECT DISTINCT part.connection_id, part.component_id, coalesce(own.id, of_all.id)
    FROM part
    LEFT JOIN policy own ON own.connection_id = part.connection_id AND own.item_id = part.component_id
    LEFT JOIN policy of_all ON of_all.connection_id = part.connection_id AND of_all.item_id IS NULL
    WHERE NOT part.is_kit AND NOT EXISTS (SELECT FROM offered o
        WHERE o.connection_id = part.connection_id AND o.item_id = part.component_id)
), here AS MATERIALIZED (
    SELECT w.connection_id, w.item_id, pool.code, pool.turn, s.version,
        CASE WHEN s.item_id IS NULL THEN pool.empty ELSE s.known AND NOT pool.stale END AS known,
        coalesce(s.on_hand, 0) AS on_hand, coalesce(s.unavailable, 0) AS unavailable,
        coalesce(s.reserved, 0) AS reserved, coalesce(s.unassigned, 0) AS unassigned,
        coalesce(s.owed, 0) AS owed,
        greatest(coalesce(own.quantity, of_all.quantity, 0), p.safety_stock) AS safety,
        coalesce(s.on_hand - s.unavailable - s.reserved - s.unassigned - s.owed, 0) AS net
    FROM wanted w JOIN pool USING (connection_id)
    LEFT JOIN policy p ON p.id = w.policy_id
    LEFT JOIN stock s ON s.item_id = w.item_id AND s.location_id = pool.location_id
    LEFT JOIN safety own ON own.item_id = w.item_id AND own.location_id = pool.location_id
    LEFT JOIN safety of_all ON of_all.item_id IS NULL AND of_all.location_id = pool.location_id
)"""  # noqa: S608 - put together of the fragments above, as below
_WORK_OUT = f""", pooled AS MATERIALIZED (
    SELECT connection_id, item_id,
        CASE WHEN bool_and(known AND net - safety < {_LARGEST})
                AND sum(greatest(net - safety, 0)) < {_LARGEST}
            THEN sum(greatest(net - safety, 0))::bigint END AS total
    FROM here GROUP BY connection_id, item_id
), doubtful AS MATERIALIZED (
    SELECT connection_id, item_id FROM pooled WHERE total IS NULL
    UNION ALL SELECT w.connection_id, w.item_id FROM wanted w JOIN aside USING (item_id)
    -- A place that owes more than it has, or of which nothing is known, concerns pools it is no part of.
    UNION ALL SELECT w.connection_id, w.item_id
    FROM wanted w JOIN owed USING (item_id) JOIN place USING (location_id)
    LEFT JOIN stock s USING (item_id, location_id) LEFT JOIN policy p ON p.id = w.policy_id
    LEFT JOIN safety own ON own.item_id = w.item_id AND own.location_id = place.location_id
    LEFT JOIN safety of_all ON of_all.item_id IS NULL AND of_all.location_id = place.location_id
    WHERE s.known IS NOT TRUE OR place.stale
        OR s.on_hand - s.unavailable - s.reserved - s.unassigned - s.owed
            < greatest(coalesce(own.quantity, of_all.quantity, 0), p.safety_stock)
), kits AS (
    SELECT part.*, 'kits_pooled' AS name, '' AS turn, '""' AS code, p.total / per_kit AS enough_for
    FROM part JOIN pooled p ON p.connection_id = part.connection_id AND p.item_id = component_id
    WHERE kit_pooled
    UNION ALL SELECT part.*, 'kits_at', h.turn, h.code, greatest(h.net - h.safety, 0) / per_kit
    FROM part JOIN here h ON h.connection_id = part.connection_id AND h.item_id = component_id
    WHERE NOT kit_pooled
), scarcest AS (
    SELECT DISTINCT ON (connection_id, item_id, turn)
        connection_id, item_id, name, turn, code, enough_for, sku
    FROM kits ORDER BY connection_id, item_id, turn, enough_for, sku
), best AS MATERIALIZED (
    SELECT DISTINCT ON (connection_id, item_id) connection_id, item_id,
        CASE WHEN enough_for < {_LARGEST} / 1000000 THEN enough_for * 1000000 END AS total,
        ',["' || name || '",' || enough_for || ',' || code || ',' || to_json(sku) || ']' AS step
    FROM scarcest ORDER BY connection_id, item_id, enough_for DESC, turn
), summed AS (
    SELECT o.connection_id, o.item_id, CASE WHEN o.is_kit THEN best.total ELSE pooled.total END AS total,
        coalesce(p.version, 0) AS policy_version, coalesce(p.share, 10000) AS share,
        coalesce(p.buffer, 0) AS declared, coalesce(p.buffer_percent, 0) AS percent, p.cap,
        coalesce(p.threshold, 0) AS threshold, coalesce(p.backorders, 0) AS backorders,
        coalesce(p.pack, o.pack) AS pack, coalesce(p.ahead, false) AS ahead
    FROM offered o
    LEFT JOIN pooled USING (connection_id, item_id) LEFT JOIN best USING (connection_id, item_id)
    LEFT JOIN policy p ON p.id = o.policy_id
), shared AS (
    SELECT *, total * share / 10000 AS left_by_share,
        (total * share / 10000 * percent + 9999) / 10000 AS percentage FROM summed OFFSET 0
), clamped AS (
    SELECT *, greatest(left_by_share - greatest(percentage, declared) + backorders, 0) AS not_less
    FROM shared OFFSET 0
), packed AS (
    SELECT *, least(not_less, cap) - least(not_less, cap) %% pack AS in_packs FROM clamped OFFSET 0
), figured AS MATERIALIZED (
    SELECT packed.*, CASE WHEN in_packs < threshold THEN 0 ELSE in_packs END AS figure,
        s.at, s.figure AS previous, s.version AS version_before, s.correlation_id AS cause_before,
        s.at IS NULL OR NOT s.sure OR s.policy_version <> packed.policy_version AS changed_beside
    FROM packed LEFT JOIN standing s USING (connection_id, item_id)
), special AS MATERIALIZED (
    SELECT item_id FROM figured WHERE total IS NULL OR ahead
    UNION SELECT o.item_id FROM offered o JOIN doubtful USING (connection_id, item_id)
    UNION SELECT part.item_id FROM part JOIN doubtful d
        ON d.connection_id = part.connection_id AND d.item_id = part.component_id
    UNION SELECT item_id FROM part WHERE is_kit
    UNION SELECT item_id FROM item JOIN aside USING (item_id) WHERE is_kit
    UNION SELECT s.item_id FROM standing s WHERE NOT EXISTS (
        SELECT FROM offered o WHERE o.connection_id = s.connection_id AND o.item_id = s.item_id)
), dirt AS (
    SELECT item_id, correlation_id FROM ledger_dirtyitem
    WHERE item_id = ANY((SELECT ids FROM given)::bigint[])
), news AS MATERIALIZED (
    SELECT f.connection_id, f.item_id, f.at, f.figure * 0.000001 AS shown, f.policy_version,
        coalesce(f.version_before, 0) + (f.figure IS DISTINCT FROM f.previous)::int AS version,
        CASE WHEN f.figure IS DISTINCT FROM f.previous OR f.at IS NULL
            THEN coalesce(of_kit.cause, d.correlation_id, '') ELSE f.cause_before END AS cause,
        f.figure IS DISTINCT FROM f.previous AS changed, f.figure, f.previous, f.total, f.left_by_share,
        f.percentage, f.declared, f.backorders, f.not_less, f.cap, f.in_packs
    FROM figured f LEFT JOIN dirt d USING (item_id)
    LEFT JOIN unnest(%(kits)s::bigint[], %(causes)s::text[]) AS of_kit (item_id, cause) USING (item_id)
    WHERE (f.changed_beside OR f.figure IS DISTINCT FROM f.previous)
        AND f.item_id NOT IN (SELECT item_id FROM special)
)"""  # noqa: S608
_SAVE = f""", changed AS (
    UPDATE availability_channelfigure f SET figure = n.shown, last_known = n.shown, version = n.version,
        policy_version = n.policy_version, verdict = 'known', correlation_id = n.cause, "unknown" = '[]',
        computed_at = %(now)s
    FROM news n WHERE f.ctid = n.at AND f.ctid = ANY(ARRAY(SELECT at FROM news))
), added AS (
    INSERT INTO availability_channelfigure (connection_id, item_id, figure, last_known, version,
        policy_version, verdict, correlation_id, "unknown", computed_at)
    SELECT connection_id, item_id, shown, shown, version, policy_version, 'known', cause, '[]', %(now)s
    FROM news WHERE at IS NULL
), explained AS (
    SELECT connection_id, item_id, NULL::bigint AS component_id, '' AS part, h.turn, h.code, h.version,
        h.safety, h.net, h.on_hand, h.unavailable, h.reserved, h.unassigned, h.owed
    FROM news JOIN here h USING (connection_id, item_id)
    UNION ALL SELECT part.connection_id, part.item_id, component_id, ',' || to_json(part.sku), h.turn, h.code,
        h.version, h.safety, h.net, h.on_hand, h.unavailable, h.reserved, h.unassigned, h.owed
    FROM news JOIN part USING (connection_id, item_id)
    JOIN here h ON h.connection_id = part.connection_id AND h.item_id = part.component_id
), of_places AS (
    SELECT connection_id, item_id, string_agg(
        ',["on_hand",' || {_amount("on_hand")} || ',' || code
        || coalesce(coalesce(nullif(part, ''), ',""') || ',' || version, part) || ']'
        || {_term("unavailable", "-unavailable", at_place=True)}
        || {_term("reserved_by_authority", "-reserved", at_place=True)}
        || {_term("unassigned_at_authority", "-unassigned", at_place=True)}
        || {_term("open_demand", "-owed", at_place=True)} || {_term("safety_stock", "-safety", at_place=True)}
        || {_term("floored_at_zero", "greatest(safety - net, 0)", at_place=True)},
        '' ORDER BY component_id, turn) AS terms
    FROM explained GROUP BY connection_id, item_id
), kept AS (
    INSERT INTO availability_figurehistory (computed_at, connection_id, item_id, version, policy_version,
        figure, verdict, correlation_id, terms, basis)
    SELECT %(now)s, connection_id, item_id, version, policy_version, shown, 'known', cause,
        ('[' || substr(
            coalesce(best.step, terms) || {_term("share", "(left_by_share - news.total)")}
            || CASE WHEN percentage > declared THEN {_term("buffer_percent", "-percentage")}
                ELSE {_term("buffer", "-declared")} END
            || {_term("backorder_allowance", "backorders")}
            || {_term("clamped_at_zero", _CLAMPED)}
            || {_term("cap", "(least(not_less, cap) - not_less)")}
            || {_term("pack_remainder", "(in_packs - least(not_less, cap))")}
            || {_term("below_threshold", "(figure - in_packs)")}, 2) || ']')::jsonb,
        CASE WHEN best.step IS NOT NULL THEN ('[' || substr(terms, 2) || ']')::jsonb END
    FROM news JOIN of_places USING (connection_id, item_id) LEFT JOIN best USING (connection_id, item_id)
)
SELECT NULL::bigint, item_id, NULL::numeric, NULL::numeric, NULL::bigint, NULL::boolean, NULL::text
FROM special
UNION ALL
SELECT connection_id, item_id, trim_scale(shown), trim_scale(previous * 0.000001), version,
    shown <= %(near_zero)s AND (previous IS NULL OR figure < previous), cause
FROM news WHERE changed
"""  # noqa: S608


def save_plain(
    item_ids: Collection[int],
    *,
    causes: Mapping[int, str],
    now: datetime,
    urgent_at_or_below: Decimal | int,
) -> Plainly:
    """See ports.AvailabilityStore.save_plain."""
    rows = _planned_once(
        _READ + _WORK_OUT + _SAVE,
        {
            "ids": array_of(item_ids),
            "now": now,
            "pieces": sorted(PIECES),
            "near_zero": Decimal(urgent_at_or_below),
            "kits": array_of(causes.keys()),
            "causes": words_of(causes.values()) if causes else "{}",
        },
    )
    special = frozenset(row[1] for row in rows if row[0] is None)
    return Plainly(special, [FigureChange._make(row) for row in rows if row[0] is not None])


def _planned_once(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement whose plan this connection keeps.

    The plan depends on no parameter, and to make it takes as long as to work out hundreds of items. It is
    made anew when a table was analysed; one made while they were empty looks rows up by index all the same.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PLAN_SO)
        driver: Any = connection.connection
        before, driver.prepare_threshold = driver.prepare_threshold, 0
        try:
            opened: Any = ServerBindingCursor
            with connection.wrap_database_errors, opened(driver) as keeping:
                keeping.execute(sql, params)
                rows = keeping.fetchall()
        finally:
            driver.prepare_threshold = before
        cursor.execute(_PLAN_AS_BEFORE)
    return rows
