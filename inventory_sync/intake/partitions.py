"""Blocks of deliveries: made ahead of the ids that need them, dropped whole when all in them is old and done.

A block is a partition of intake_delivery by id, and ids rise with time. Whoever stores never makes one: a
row whose block nobody made goes into the default partition, and the next block begins after it. Dedupe keys
live in a table of their own and stay when a block goes: a message that comes again is still known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

BLOCKS_AHEAD = 4
GIVEN_OUT = 10_000
"""More ids than writers hold at any moment between taking and storing them."""

_BLOCKS = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'intake_delivery'::regclass AND c.relname <> 'intake_delivery_default'
"""
_BOUNDS = re.compile(r"FROM \((MINVALUE|'?\d+'?)\) TO \('?(\d+)'?\)")
_NEXT = "SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM intake_delivery_id_seq"
_MAKE = """
SELECT count(*) FILTER (WHERE intake_make_block(%s + nth * %s, %s)) FROM generate_series(0, %s) AS nth
"""
_DROP_STRAYS = """
DELETE FROM intake_delivery_default d WHERE d.received_at < %s AND d.state NOT IN ('pending', 'parked')
    AND NOT EXISTS (SELECT FROM intake_parkedline p WHERE p.delivery_id = d.id)
"""
_WAITS = "SELECT EXISTS (SELECT FROM {block} WHERE state IN ('pending', 'parked'))"
_NEWEST = "SELECT received_at FROM {block} ORDER BY id DESC LIMIT 1"


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """One partition: ids from `first` up to, not including, `end`."""

    first: int
    end: int
    name: str


def blocks() -> list[Block]:
    """Return the blocks there are, oldest first."""
    found = []
    for name, bounds in _rows(_BLOCKS):
        match = _BOUNDS.search(bounds)
        if match is not None:
            first = 0 if match[1] == "MINVALUE" else int(match[1].strip("'"))
            found.append(Block(first, int(match[2]), name))
    return sorted(found)


def make_ahead(*, size: int, ahead: int = BLOCKS_AHEAD) -> int:
    """Make blocks until `ahead` whole ones wait for the next ids; return how many.

    Waits at most two seconds for a lock and fails then, rather than have the door wait behind it.
    """
    with transaction.atomic():
        _rows("SET LOCAL lock_timeout = '2s'")
        there = blocks()
        end = there[-1].end if there else 1
        next_id = int(_rows(_NEXT)[0][0])
        if next_id >= end:
            end = next_id + GIVEN_OUT  # what went into the default partition stays there
        missing = next_id + ahead * size - end
        return _make(end, size, -(-missing // size)) if missing > 0 else 0


def drop_old(*, before: datetime) -> list[str]:
    """Drop the oldest blocks whose every delivery came before a moment and waits for nothing.

    Stops at the first that must stay, so what is kept is one stretch of time. Resolved parked lines go with
    their deliveries; events and movements keep the delivery's number. Returns the names of what went.
    """
    gone: list[str] = []
    next_id = int(_rows(_NEXT)[0][0])
    for block in blocks():
        if block.end > next_id:
            break
        with transaction.atomic():
            _rows("SET LOCAL lock_timeout = '2s'")
            newest = _rows(_NEWEST.format(block=block.name))
            if newest and newest[0][0] >= before:
                break
            # Nobody sets a delivery pending again between the look and the drop.
            _rows(f"LOCK TABLE {block.name} IN SHARE ROW EXCLUSIVE MODE")
            if _rows(_WAITS.format(block=block.name))[0][0]:
                break
            _rows(
                "DELETE FROM intake_parkedline WHERE delivery_id >= %s AND delivery_id < %s",
                (block.first, block.end),
            )
            _rows("SET CONSTRAINTS ALL IMMEDIATE")
            _rows(f"ALTER TABLE intake_delivery DETACH PARTITION {block.name}")
            _rows(f"DROP TABLE {block.name}")
        gone.append(block.name)
    _rows(_DROP_STRAYS, (before,))
    return gone


def _make(end: int, size: int, count: int) -> int:
    return int(_rows(_MAKE, (end, size, size, count - 1))[0][0])


def _rows(sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchall() if cursor.description is not None else []
