"""Reading and writing figures: against the twin for behaviour, against recordings for answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.woocommerce.client import WooClient
from connectors.woocommerce.twin_shop import Quirks
from inventory_sync.domain.errors import (
    Misconfigured,
    NotApplied,
    OutcomeUnknown,
    RateLimited,
    RemoteRefused,
    RemoteUnavailable,
    SyncError,
    Unsupported,
)
from inventory_sync.domain.ports import LevelWrite, ListingRef
from tests.connectors.woocommerce.recordings import recorded, replaying, response_of
from tests.connectors.woocommerce.shop import (
    BLUE_REF,
    MISSING_REF,
    OTHER,
    OTHER_REF,
    PARENT,
    POOL,
    POOL_REF,
    RED,
    RED_REF,
    SHARING,
    SHARING_REF,
    SIMPLE,
    SIMPLE_REF,
    UNMANAGED,
    UNMANAGED_REF,
    client_of,
    product,
    shop,
)


def write(ref: ListingRef, figure: Any, number: int = 0) -> LevelWrite:
    return LevelWrite(ref, Decimal(figure), f"k{number}")


def shown(twin: Any, *numbers: int) -> list[Any]:
    rows = {row["id"]: row["stock_quantity"] for row in twin.control.book(list(numbers))["products"]}
    return [rows[number] for number in numbers]


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "quirks", [Quirks(), Quirks(global_variations=False)], ids=["since 10.3", "before 10.3"]
)
def test_levels_come_in_the_order_asked_and_a_bad_ref_spares_the_rest(quirks: Quirks) -> None:
    refs = [
        RED_REF,
        MISSING_REF,
        SIMPLE_REF,
        SHARING_REF,
        UNMANAGED_REF,
        POOL_REF,
        ListingRef("x:1"),
        BLUE_REF,
    ]
    with shop(quirks=quirks) as twin:
        levels = client_of(twin).read_levels(refs)

    assert [level.ref for level in levels] == refs
    assert [level.figure for level in levels] == [10, None, 10, None, None, 7, None, 5]
    assert [type(level.error) for level in levels if level.error] == [RemoteRefused, Unsupported]
    assert levels[2].stamp == "2026-11-23T10:00:00"


def test_a_variation_without_a_known_parent_is_read_alone_on_old_shops() -> None:
    with shop(quirks=Quirks(global_variations=False)) as twin:
        (level,) = client_of(twin).read_levels([ListingRef(f"variation:{RED}")])

    assert level.figure == 10


def test_two_hundred_and_fifty_levels_take_three_calls() -> None:
    products = [product(number, stock=number) for number in range(1001, 1251)]
    refs = [ListingRef(f"product:{row['id']}") for row in reversed(products)]
    with shop(products=products) as twin:
        levels = client_of(twin).read_levels(refs)
        calls = len(twin.requests)

    assert [level.figure for level in levels] == list(range(1250, 1000, -1))
    assert calls == 3


def test_the_float_of_a_decimal_shop_is_read_exactly() -> None:
    client = replaying(
        lambda request: httpx.Response(200, content=b'[{"id":106,"manage_stock":true,"stock_quantity":1.1}]')
    )

    (level,) = client.read_levels([ListingRef("product:106")])

    assert level.figure == Decimal("1.1")


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────


def test_figures_land_and_results_come_in_the_order_asked() -> None:
    writes = [
        write(RED_REF, 3),
        write(SIMPLE_REF, 8),
        write(POOL_REF, 6),
        write(BLUE_REF, 0),
        write(OTHER_REF, 1),
    ]
    with shop() as twin:
        twin.clock.advance(60)
        results = client_of(twin).write_levels(writes)
        figures = shown(twin, RED, SIMPLE, POOL, OTHER)
        calls = [row["path"] for row in twin.requests]

    assert [result.ref for result in results] == [one.ref for one in writes]
    assert [result.figure for result in results] == [3, 8, 6, 0, 1]
    assert [result.error for result in results] == [None] * 5
    assert {result.stamp for result in results} == {"2026-11-23T10:01:00"}
    assert figures == [3, 8, 6, 1]
    assert sorted(calls) == [
        f"/wp-json/wc/v3/products/{PARENT}/variations/batch",
        "/wp-json/wc/v3/products/batch",
    ]


@pytest.mark.parametrize(
    ("why", "ref", "error"),
    [
        ("the shop keeps no stock for it", UNMANAGED_REF, NotApplied),
        ("it shares its parent's pool", SHARING_REF, NotApplied),
        ("it does not exist", MISSING_REF, RemoteRefused),
        ("a variation at the products' address", ListingRef(f"product:{RED}"), RemoteRefused),
        ("below the wrong parent", ListingRef(f"variation:{RED}", f"product:{POOL}"), RemoteRefused),
        ("a variation whose parent is not known", ListingRef(f"variation:{RED}"), Unsupported),
        ("no ref of this connector", ListingRef("sku:1"), Unsupported),
    ],
)
def test_one_bad_line_spares_the_others(why: str, ref: ListingRef, error: type[SyncError]) -> None:
    with shop() as twin:
        results = client_of(twin).write_levels([write(SIMPLE_REF, 1), write(ref, 2), write(OTHER_REF, 3)])
        figures = shown(twin, SIMPLE, OTHER)

    assert [type(result.error) for result in results] == [type(None), error, type(None)], why
    assert figures == [1, 3]


@pytest.mark.parametrize("figure", ["1.5", "7.9", "NaN", "Infinity", "1e30"])
def test_what_a_batch_would_cut_or_zero_is_never_sent(figure: str) -> None:
    with shop() as twin:
        (result,) = client_of(twin).write_levels([write(SIMPLE_REF, figure)])
        calls = twin.requests[:]

    assert isinstance(result.error, Unsupported)
    assert calls == []


def test_whole_figures_are_sent_as_json_integers() -> None:
    sent: list[Any] = []

    def script(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        assert request.headers["content-type"] == "application/json"
        return httpx.Response(200, json={"update": [{"id": 10, "manage_stock": True, "stock_quantity": 7}]})

    replaying(script).write_levels([write(ListingRef("product:10"), "7.000")])

    assert sent == [{"update": [{"id": 10, "stock_quantity": 7}]}]
    assert type(sent[0]["update"][0]["stock_quantity"]) is int


def test_the_recorded_partial_failure_is_told_line_by_line() -> None:
    items = recorded("products-batch-partial-failure")["request"]["body"]["update"][:5]
    sent = [write(ListingRef(f"product:{item['id']}"), 11 if item["id"] == 10 else 5) for item in items]

    def script(_: httpx.Request) -> httpx.Response:
        body = recorded("products-batch-partial-failure")["response"]["body"]["update"][:5]
        managed = [{"manage_stock": True, **row} for row in body]
        return httpx.Response(200, json={"update": managed})

    results = replaying(script).write_levels(sent)

    assert [type(result.error) for result in results] == [
        type(None),
        RemoteRefused,
        NotApplied,
        NotApplied,
        RemoteRefused,
    ]
    assert [result.figure for result in results] == [11, None, 0, 1, None]


def test_a_yes_to_a_request_the_shop_did_not_read_is_not_applied() -> None:
    client = replaying(lambda request: response_of("products-batch-text-plain-ignored"))

    (result,) = client.write_levels([write(ListingRef("product:10"), 5)])

    assert isinstance(result.error, NotApplied)


@pytest.mark.parametrize(
    ("why", "rows"),
    [
        ("a line is missing", []),
        ("another line stands in its place", [{"id": 77, "stock_quantity": 5, "manage_stock": True}]),
        ("the figure is missing", [{"id": 10, "manage_stock": True}]),
        ("the row is no object", [5]),
    ],
)
def test_an_answer_that_does_not_speak_of_the_line_leaves_its_outcome_unknown(
    why: str, rows: list[Any]
) -> None:
    answer = {"update": [*rows, {"id": 11, "stock_quantity": 1, "manage_stock": True}][: 2 if rows else 1]}
    client = replaying(lambda request: httpx.Response(200, json=answer))

    results = client.write_levels([write(ListingRef("product:10"), 5), write(ListingRef("product:11"), 1)])

    assert isinstance(results[0].error, OutcomeUnknown), why


def test_more_than_a_hundred_lines_are_split() -> None:
    products = [product(number) for number in range(1001, 1251)]
    with shop(products=products) as twin:
        results = client_of(twin).write_levels(
            [write(ListingRef(f"product:{row['id']}"), n) for n, row in enumerate(products)]
        )
        calls = len(twin.requests)

    assert [result.figure for result in results] == list(range(250))
    assert calls == 3


def test_the_policy_switches_management_on_but_leaves_shared_pools_alone() -> None:
    with shop() as twin:
        results = client_of(twin, force_manage_stock=True).write_levels(
            [write(UNMANAGED_REF, 9), write(SHARING_REF, 9), write(SIMPLE_REF, 2)]
        )
        figures = shown(twin, UNMANAGED, SHARING, SIMPLE)

    assert [type(result.error) for result in results] == [type(None), NotApplied, type(None)]
    assert figures == [9, 7, 2]


@pytest.mark.parametrize(
    ("fault", "options", "error", "applied"),
    [
        ("timeout_applied", {}, OutcomeUnknown, True),
        ("timeout_lost", {}, OutcomeUnknown, False),
        ("late_landing", {"seconds": 30}, OutcomeUnknown, False),
        ("partial", {}, OutcomeUnknown, False),
        ("5xx", {"status": 502}, OutcomeUnknown, False),
        ("html", {"status": 200}, OutcomeUnknown, False),
        ("429", {"seconds": 9}, RateLimited, False),
        ("auth_revoked", {}, Misconfigured, False),
    ],
)
def test_a_failed_write_says_whether_it_may_have_landed(
    fault: str, options: dict[str, Any], error: type[SyncError], applied: bool
) -> None:
    with shop() as twin:
        client = client_of(twin)
        twin.faults.inject(fault, only="write", **options)
        with pytest.raises(SyncError) as caught:
            client.write_levels([write(SIMPLE_REF, 3)])
        figures = shown(twin, SIMPLE)

    assert type(caught.value) is error
    assert figures == [3 if applied else 10]


def test_after_a_failed_call_the_lines_say_which_were_sent() -> None:
    with shop() as twin:
        client = client_of(twin)
        twin.faults.inject("timeout_applied", only="write", path=f"/products/{PARENT}/")
        results = client.write_levels([write(SIMPLE_REF, 3), write(RED_REF, 2), write(SHARING_REF, 1)])

    assert [type(result.error) for result in results] == [type(None), OutcomeUnknown, RemoteUnavailable]


def test_a_write_that_never_left_is_no_unknown_outcome() -> None:
    with shop() as twin:
        client = client_of(twin)

    with pytest.raises(RemoteUnavailable):
        client.write_levels([write(SIMPLE_REF, 3)])


def test_nothing_asked_is_nothing_called() -> None:
    with shop() as twin:
        client: WooClient = client_of(twin)

        assert client.write_levels([]) == []
        assert client.read_levels([]) == []
        assert twin.requests == []


# ── listings ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "quirks", [Quirks(), Quirks(global_variations=False)], ids=["since 10.3", "before 10.3"]
)
def test_listings_know_products_pools_and_variations(quirks: Quirks) -> None:
    with shop(quirks=quirks) as twin:
        found = {one.ref.external_id: one for one in client_of(twin, page_size=2).listings()}

    kinds = {ref: (one.kind, one.managed, one.figure, one.ref.parent_id) for ref, one in found.items()}
    assert kinds == {
        "product:101": ("variant", True, 10, ""),
        "product:102": ("variant", False, None, ""),
        "product:103": ("variant", True, 4, ""),
        "variation:111": ("variant", True, 10, "product:110"),
        "variation:112": ("variant", True, 5, "product:110"),
        "product:120": ("parent_pool", True, 7, ""),
        "variation:121": ("variant", False, None, "product:120"),
    }
    assert found["product:101"].sku == "SKU-101"
