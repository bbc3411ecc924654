"""The external ids of copies: every name comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.odoo.naming import LineName, OrderName, encode, parse_line, parse_order

part = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text("_.:-0aF", max_size=6)


def test_a_copy_is_named_by_the_shop_its_order_and_the_place():
    name = OrderName("woo-de", "4711", "warehouse:1")

    assert name.external_id() == "inventory_sync.order__woo_2dde__4711__warehouse_3a1"


def test_a_line_is_named_by_its_copy_its_line_and_its_product():
    name = LineName("woo-de", "4711", "warehouse:1", "12", "product:88")

    assert name.external_id() == "inventory_sync.line__woo_2dde__4711__warehouse_3a1__12__product_3a88"
    assert name.order == OrderName("woo-de", "4711", "warehouse:1")


@given(part, part, part)
def test_every_copy_is_read_back_as_it_was_named(source, order_ref, place):
    name = OrderName(source, order_ref, place)

    assert parse_order(name.external_id()) == name
    assert parse_line(name.external_id()) is None


@given(part, part, part, part, part)
def test_every_line_is_read_back_as_it_was_named(source, order_ref, place, line_ref, item_ref):
    name = LineName(source, order_ref, place, line_ref, item_ref)

    assert parse_line(name.external_id()) == name
    assert parse_order(name.external_id()) is None


@given(st.tuples(part, part, part), st.tuples(part, part, part))
def test_two_copies_never_share_a_name(one, other):
    same = OrderName(*one).external_id() == OrderName(*other).external_id()

    assert same == (one == other)


@given(part)
def test_a_part_is_letters_digits_and_escaped_bytes_only(text):
    assert re.fullmatch(r"([A-Za-z0-9]|_[0-9a-f]{2})*", encode(text))


@pytest.mark.parametrize(
    ("external_id", "why"),
    [
        ("", "there is none"),
        ("base.main_company", "Odoo's own"),
        ("__import__.order__a__b__c", "another module's"),
        ("inventory_sync.order__a__b", "a part is missing"),
        ("inventory_sync.order__a__b__c__d", "a part too many"),
        ("inventory_sync.line__a__b__c", "a line needs five parts"),
        ("inventory_sync.order__a__b__c-1", "a character that is always escaped"),
        ("inventory_sync.order__a__b___2D", "escapes are lower case"),
        ("inventory_sync.order__a__b___41", "a letter is never escaped"),
        ("inventory_sync.order__a__b___ff", "not UTF-8"),
        ("inventory_sync.order__a__b___4", "half an escape"),
        ("inventory_sync.order__a__b__c\n", "a line end"),
    ],
)
def test_what_we_did_not_write_is_nobodys(external_id, why):
    assert parse_order(external_id) is None, why
    assert parse_line(external_id) is None, why
