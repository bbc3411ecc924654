"""One writer at a time per connection: a lease with a fence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.connections import writers
from inventory_sync.domain.errors import FenceLost
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_while_one_writes_nobody_else_may_and_afterwards_the_next_may() -> None:
    connection = make_connection()
    orders = writers.claim(connection.pk, "orders", now=NOON, until=NOON + MINUTE)
    assert orders is not None

    assert writers.claim(connection.pk, "mirror", now=NOON, until=NOON + MINUTE) is None
    writers.release(orders)

    mirror = writers.claim(connection.pk, "mirror", now=NOON, until=NOON + MINUTE)
    assert mirror is not None
    assert mirror.token > orders.token


def test_a_lease_that_ran_out_is_taken_over_and_the_first_is_told_at_its_next_step() -> None:
    connection = make_connection()
    first = writers.claim(connection.pk, "orders", now=NOON, until=NOON + MINUTE)
    second = writers.claim(connection.pk, "mirror", now=NOON + MINUTE, until=NOON + 2 * MINUTE)
    assert first is not None
    assert second is not None

    with pytest.raises(FenceLost):
        writers.renew(first, until=NOON + 3 * MINUTE)
    with pytest.raises(FenceLost):
        writers.check(first)
    writers.release(first)  # changes nothing for the second
    writers.check(second)
    assert writers.claim(connection.pk, "orders", now=NOON + MINUTE, until=NOON + 2 * MINUTE) is None


def test_a_lease_that_ran_out_unnoticed_goes_on_and_is_longer_for_it() -> None:
    connection = make_connection()
    writer = writers.claim(connection.pk, "orders", now=NOON, until=NOON + MINUTE)
    assert writer is not None

    writer = writers.renew(writer, until=NOON + 3 * MINUTE)

    assert writers.claim(connection.pk, "mirror", now=NOON + 2 * MINUTE, until=NOON + 4 * MINUTE) is None
    assert writer.lease_until == NOON + 3 * MINUTE


def test_two_connections_have_a_writer_each() -> None:
    one, other = make_connection(), make_connection()

    assert writers.claim(one.pk, "orders", now=NOON, until=NOON + MINUTE) is not None
    assert writers.claim(other.pk, "orders", now=NOON, until=NOON + MINUTE) is not None
