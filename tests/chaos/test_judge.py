"""What is held against the hub and what is not, from journals written by hand."""

from __future__ import annotations

from tests.chaos.journal import Doc
from tests.chaos.judge import BOUND_S, WRITTEN_OVER_S, Books, Fault, Findings, find, read_books

SKU, PRODUCT, OPENING = "MUG", 7, 5


def till(*more: Doc) -> list[Doc]:
    return [event(0, "opening", OPENING), level(0, OPENING), *more]


def event(at: float, name: str, quantity: float, *, order: Doc | None = None) -> Doc:
    kind = "shipment" if order else "sale"
    lines = [{"sku": SKU, "quantity": str(quantity)}]
    return {
        "t": at, "what": "event", "id": name, "type": kind, "store": "S", "order": order, "lines": lines,
    }  # fmt: skip


def level(at: float, there: float) -> Doc:
    return {"t": at, "what": "level", "store": "S", "sku": SKU, "on_hand": str(there)}


def acked(at: float, name: str) -> Doc:
    return {"t": at, "what": "acked", "key": name}


def shown(at: float, value: float, who: str = "api") -> Doc:
    return {"t": at, "what": "history", "product_id": PRODUCT, "value": value, "who": who}


def books(*shop: Doc, other: tuple[Doc, ...] = (), till_lines: list[Doc] | None = None) -> Books:
    return read_books(
        {"web": shop, "outlet": other}, till() if till_lines is None else till_lines,
        products={"web": {PRODUCT: SKU}, "outlet": {PRODUCT: SKU}}, sold_from=["S"],
    )  # fmt: skip


def judged(*shop: Doc, faults: tuple[Fault, ...] = (), **more: object) -> Findings:
    return find(books(*shop, **more), faults)  # type: ignore[arg-type]


def test_a_right_figure_and_a_sale_by_it_are_nobodys_fault() -> None:
    found = judged(shown(1, 5), shown(2, 3, "order:1"))

    assert (found.sales, found.landed) == (1, 1)
    assert (found.oversold, found.oversold_inherent, found.written_over, found.regressed) == (0, 0, 0, 0)


def test_the_last_unit_sold_twice_before_anybody_could_know_is_inherent() -> None:
    found = judged(shown(1, 5), shown(3, 1, "order:1"), other=(shown(1, 5), shown(2.9, 1, "order:2")))

    assert (found.oversold, found.oversold_inherent) == (0, 3)


def test_a_figure_shown_long_after_the_hub_was_told_of_the_sale_is_our_doing() -> None:
    gone = till(event(2, "sale-1", 5), level(2, 0), acked(3, "sale-1"))
    late = 3 + BOUND_S + 1

    found = judged(shown(1, 5), shown(late, 3, "order:1"), till_lines=gone)
    early = judged(shown(1, 5), shown(3 + BOUND_S - 1, 3, "order:1"), till_lines=gone)

    assert (found.oversold, found.oversold_inherent) == (2, 0)
    assert (early.oversold, early.oversold_inherent) == (0, 2)


def test_what_nobody_told_the_hub_is_not_held_against_it() -> None:
    untold = till(event(2, "sale-1", 5), level(2, 0))

    found = judged(shown(1, 5), shown(500, 3, "order:1"), till_lines=untold)

    assert (found.oversold, found.oversold_inherent) == (0, 2)


def test_a_shop_that_could_not_be_reached_is_given_the_time_it_was_away() -> None:
    gone = till(event(2, "sale-1", 5), level(2, 0), acked(3, "sale-1"))
    away = Fault("web", 2, 2 + BOUND_S)

    found = judged(shown(1, 5), shown(3 + BOUND_S + 1, 3, "order:1"), till_lines=gone, faults=(away,))

    assert (found.oversold, found.oversold_inherent) == (0, 2)


def test_a_write_over_a_sale_is_seen_and_counts_only_when_it_stands() -> None:
    sale = (shown(1, 5), shown(5, 3, "order:1"))

    corrected = judged(*sale, shown(7, 5), shown(9, 3))
    left = judged(*sale, shown(7, 5), shown(7 + WRITTEN_OVER_S + 1, 3))

    assert (corrected.written_over, corrected.regressed, corrected.written_over_longest_s) == (1, 0, 2)
    assert (left.written_over, left.regressed) == (1, 1)


def test_a_write_over_a_sale_that_is_never_corrected_counts_at_the_end_of_the_book() -> None:
    end = 7 + WRITTEN_OVER_S + 5

    found = judged(shown(1, 5), shown(5, 3, "order:1"), shown(7, 5), shown(end, 4, "order:2"))

    assert found.regressed == 1


def test_goods_that_leave_for_an_order_were_taken_when_it_was_placed() -> None:
    sent = till(event(3, "ship-1", 2, order={"number": "1"}), level(3, 3), acked(4, "ship-1"))

    found = judged(
        shown(1, 5), shown(2, 3, "order:1"), shown(60, 3), shown(61, 0, "order:2"), till_lines=sent
    )

    assert (found.oversold, found.oversold_inherent, found.written_over) == (0, 0, 0)


def test_goods_for_an_order_that_a_count_already_missed_are_free_again() -> None:
    """The till's clock was ahead when somebody counted: the shipment after it takes nothing off the shelf."""
    counted = till(event(3, "ship-1", 2, order={"number": "1"}), level(3, 5), acked(4, "ship-1"))

    found = judged(shown(1, 5), shown(2, 3, "order:1"), shown(60, 5), shown(120, 5), till_lines=counted)
    without = judged(shown(1, 5), shown(2, 3, "order:1"), shown(60, 5), shown(120, 5))

    assert (found.written_over, found.regressed) == (0, 0)
    assert without.regressed == 1


def test_a_shipment_of_more_than_one_line_of_an_item_changes_nothing_either() -> None:
    sent = event(3, "ship-1", 1, order={"number": "1"})
    sent["lines"] = [*sent["lines"], *sent["lines"]]

    found = judged(
        shown(1, 5), shown(2, 3, "order:1"), shown(60, 3), till_lines=till(sent, level(3, 4), level(3, 3))
    )

    assert (found.written_over, found.oversold) == (0, 0)


def test_all_that_an_order_had_taken_is_free_when_it_ends_whatever_the_shop_puts_back() -> None:
    shop = (shown(1, 5), shown(2, 3, "order:1"), shown(3, 4, "refund:1"), shown(60, 5), shown(120, 5))
    refunded = {"t": 3.0, "what": "order", "key": "1", "status": "refunded"}

    found = judged(*shop[:3], refunded, *shop[3:])
    open_still = judged(*shop)

    assert (found.written_over, found.regressed) == (0, 0)
    assert open_still.regressed == 1


def test_the_reckoning_itself_is_held_against_what_is_shown_in_the_end() -> None:
    assert books(shown(1, 5), shown(2, 3, "order:1"), other=(shown(1, 5), shown(3, 3))).drift() == []
    (found,) = books(shown(1, 5), shown(2, 3, "order:1"), other=(shown(1, 5), shown(3, 4))).drift()
    assert found == "outlet shows 4 of MUG in the end, the witnesses' own sum is 3"
