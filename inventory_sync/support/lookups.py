"""Have a transaction look rows up by their indexes, whatever the planner knows of the tables.

A plan is kept by the session that made it, those of foreign keys most of all, and one made while a table was
empty reads it whole: after a first start every line written would read all orders, until the next analysis
throws the plan away. A transaction that only looks rows up never wants to read a table whole.
"""

LOOK_UP = "set_config('enable_seqscan', 'off', true)"
"""SQL to select in the first statement of a transaction; it lasts until its end."""

LOOK_UP_FROM_NOW_ON = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
"""SQL for a connection that does nothing else, a few dozen rows at a time: each is looked up by itself."""
