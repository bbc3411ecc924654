"""Have PostgreSQL look rows up by their indexes, whatever the planner knows of the tables.

A plan is kept by the session that made it, those of foreign keys most of all, and one made while a table was
empty reads it whole: after a first start every line written would read all orders, until the next analysis
throws the plan away. Who only looks rows up never wants to read a table whole.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor

LOOK_UP = "set_config('enable_seqscan', 'off', true)"
"""SQL to select in the first statement of a transaction; it lasts until its end."""

# Nothing that reads more of a table than the rows asked for, and one plan for any number of them.
_FROM_NOW_ON = """
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
SET plan_cache_mode = force_generic_plan
"""


def keep_plans() -> None:
    """Have this thread's connection look rows up, and keep the plan of each statement it sends.

    For a thread that sends the same few statements for a few rows each, over and over: reading and planning
    them costs the server more than carrying them out. Called again it has them planned anew, as the tables
    are now: between two indexes of an empty table the planner guesses. From here on a message to the server
    holds one statement.
    """
    connection.ensure_connection()
    driver: Any = connection.connection
    kept = driver.prepare_threshold is not None
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS" if kept else _FROM_NOW_ON)
    driver.cursor_factory = ServerBindingCursor
    driver.prepare_threshold = 0
