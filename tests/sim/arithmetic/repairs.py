"""The sentences that keep the arithmetic right, each of which can be taken away from the simulated hub.

Taking one away must bring wrong figures back, or the simulation proves nothing (test_arithmetic.py).
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Repairs:
    """All true: the rules as they are. The comment says what an earlier, plausible version did instead."""

    figures_by_reading: bool = True  # took a book figure for a count as of a time, and added lines to it
    one_reading_one_call: bool = True  # read the places of an item page by page
    confirmed_on_both_sides: bool = True  # believed an assignment confirmed before the reading
    books_decide: bool = True  # closed a line when a carrier said that it left
    till_waits_for_books: bool = True  # closed a till's line when its session was closed
    every_line_routed: bool = True  # left a line without stock to its own channel
    shortage_moves: bool = True  # forgot what a place below zero owes
    backorder_is_open: bool = True  # dropped lines that nothing was free for
    newer_version_reopens: bool = True  # took an exit for final
    same_version_changes_nothing: bool = True  # revived an expired hold when its snapshot came again
    refunds_lower_demand: bool = True  # kept the ordered quantity
    open_orders_read_again: bool = True  # waited for a deletion that nobody announces
    held_figure_may_fall: bool = True  # held a figure as it was while something was unknown
    settled_by_reading_back: bool = True  # took a figure for shown once it was accepted

    @classmethod
    def without(cls, name: str) -> Repairs:
        return cls(**{name: False})


NAMES = tuple(each.name for each in fields(Repairs))
