"""The shortcut for plain requests comes to what the long way comes to, to the last letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger import answering
from inventory_sync.ledger.placing import Floor
from inventory_sync.ledger.plain_requests import reserve_plainly
from inventory_sync.ledger.ports import Component, HeldOrder
from inventory_sync.ledger.request_types import Request, RequestLine, Terms
from tests.ledger.reports import NOW

requests = st.builds(
    lambda quantity, item, mode, hold, review, pool: (
        Request(
            Act.RESERVE,
            1,
            "r",
            lines=(RequestLine("a", item, Decimal(quantity)),),
            mode=mode,
            hold=hold,
            review=review,
            correlation_id="c",
        ),
        Terms(pool=tuple(pool), hold_max=timedelta(hours=2), review_max=timedelta(hours=9)),
    ),
    quantity=st.sampled_from(["1", "2", "2.5", "7"]),
    item=st.sampled_from([10, 11, 12]),
    mode=st.sampled_from(list(ReserveMode)),
    hold=st.sampled_from([None, timedelta(hours=1), timedelta(hours=5)]),
    review=st.booleans(),
    pool=st.lists(st.sampled_from([1, 2]), min_size=1, max_size=2, unique=True),
)
FREE = {(10, 1): Decimal(5), (10, 2): Decimal(3), (11, 1): Decimal(-1), (11, 2): Decimal(9)}
PLAIN = (
    Request(Act.RESERVE, 1, "r", lines=(RequestLine("a", 10, Decimal(2)),)),
    Terms(pool=(1, 2)),
)


def decided(asked: Request, terms: Terms, *, plainly: bool) -> tuple[object, ...]:
    floor = Floor(FREE, {12: (Component(10, Decimal(2)),)}, {1: 'N"EAR', 2: "FÁR"})
    clerk = answering.Clerk({asked.key: HeldOrder(*asked.key)}, floor, {1: terms}, now=NOW)
    with pytest.MonkeyPatch.context() as patch:
        if not plainly:
            patch.setattr(answering, "reserve_plainly", lambda *_, **__: None)
        answer = clerk.answer(asked)
        return (
            replace(answer, refused=None),
            type(answer.refused),
            {place: free for place, free in floor.free.items() if free},
        )


@given(asked=requests)
@example(asked=PLAIN)
def test_the_shortcut_and_the_long_way_agree(asked):
    request, terms = asked

    assert decided(request, terms, plainly=True) == decided(request, terms, plainly=False)


def test_the_shortcut_is_taken():
    floor = Floor(FREE, {}, {1: "A", 2: "B"})

    assert reserve_plainly(*PLAIN[:1], HeldOrder(1, "r"), "", PLAIN[1], floor, now=NOW) is not None
