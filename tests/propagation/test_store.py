"""What a lane may rely on of its store, whichever store it is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from inventory_sync.domain import lane
from inventory_sync.domain.lane import Aim, Fall
from inventory_sync.propagation.ports import News, Sighting
from tests.propagation.store_contract import LIFE, NOON, World, at, attempt, claim, look, want


def note(world: World, item_id: int, *deltas: int, after_s: float = 1) -> None:
    with world.store.transaction():
        world.store.note_news([News(world.shop, item_id, Decimal(each)) for each in deltas], now=at(after_s))


def see(world: World, item_id: int, figure: int | None) -> int:
    with world.store.transaction():
        sighting = Sighting(
            world.shop, f"item-{item_id}", None if figure is None else Decimal(figure), "s1", True
        )
        return world.store.observe([sighting], now=at(9))


def put(world: World, listing_id: int, **values: object) -> None:
    """Write values into a listing's state."""
    with world.store.transaction():
        row = world.store.lock([listing_id])[0]
        world.store.save([replace(row, state=replace(row.state, **values))], now=at(2))  # type: ignore[arg-type]


def show(world: World, listing_id: int, figure: int) -> None:
    """Make a listing settled at the figure it is owed."""
    put(
        world,
        listing_id,
        observed=Decimal(figure),
        acknowledged=Decimal(figure),
        dirty_since=None,
        urgent=False,
    )


# ── owing ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_figure_is_owed_to_every_listing_of_its_item_on_that_channel_only(world: World) -> None:
    mug, cup = world.item("MUG"), world.item("CUP")
    ours, theirs, cups = world.listing(mug), world.listing(mug, shop=world.other), world.listing(cup)

    owed = want(world, mug, 5)

    assert owed == {world.shop}
    assert look(world, ours).state.desired == 5
    assert look(world, ours).correlation_id == "cause-1"
    assert look(world, theirs).state.desired is None
    assert look(world, cups).state.dirty_since is None


def test_a_figure_in_base_units_is_owed_in_whole_packs_of_the_listing(world: World) -> None:
    mug = world.item("MUG")
    crate = world.listing(mug, pack=6)

    want(world, mug, 17)

    assert look(world, crate).state.desired == 2


def test_an_older_version_changes_nothing_and_an_unknown_figure_is_not_owed(world: World) -> None:
    mug = world.item("MUG")
    listing = world.listing(mug)
    want(world, mug, 5, 2)

    want(world, mug, 9, 1)
    assert look(world, listing).state.desired == 5

    assert want(world, mug, None, 3) == frozenset()
    assert claim(world).rows == ()


def test_a_save_in_a_transaction_that_fails_is_not_kept(world: World) -> None:
    mug = world.item("MUG")
    listing = world.listing(mug)
    want(world, mug, 5)

    def fail() -> None:
        with world.store.transaction():
            row = world.store.lock([listing])[0]
            world.store.save([replace(row, state=replace(row.state, desired=Decimal(1)))], now=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert look(world, listing).state.desired == 5


def test_everything_of_a_listing_comes_back_as_it_was_saved(world: World) -> None:
    mug = world.item("MUG")
    listing = world.listing(mug)
    want(world, mug, 5)
    claim(world)
    aim = Aim(Decimal(5), 1, 0, f"{listing}:1")
    with world.store.transaction():
        row = world.store.lock([listing])[0]
        flight = row.state.in_flight
        assert flight is not None
        state = replace(
            row.state,
            in_flight=replace(flight, aim=aim),
            observed=Decimal(3),
            acknowledged=Decimal(2),
            lowered=Decimal("1.5"),
            unanswered=replace(aim, figure=Decimal(4)),
            ambiguous_until=at(40),
            fall=Fall(at(3), Decimal(1)),
            attempts=3,
            run_at=at(50),
            writes=1,
        )
        world.store.save([replace(row, state=state, error_code="x", error_detail="why")], now=at(2))

    kept = look(world, listing)

    assert kept.state == state
    assert (kept.error_code, kept.error_detail, kept.failed) == ("x", "why", False)


# ── claiming ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_claim_begins_a_flight_that_nobody_else_can_take_until_its_lease_is_over(world: World) -> None:
    mug = world.item("MUG")
    world.listing(mug)
    want(world, mug, 5)

    first = claim(world)

    assert [row.state.token for row in first.rows] == [1]
    assert claim(world, after_s=60).rows == ()
    (taken_over,) = claim(world, after_s=62).rows
    assert taken_over.state.token == 2


def test_a_flight_that_may_have_written_is_taken_over_with_the_doubt_it_leaves(world: World) -> None:
    mug = world.item("MUG")
    listing = world.listing(mug)
    want(world, mug, 5)
    claim(world)
    with world.store.transaction():
        row = world.store.lock([listing])[0]
        world.store.save([replace(row, state=lane.aim(row.state))], now=at(2))

    (row,) = claim(world, after_s=100).rows

    assert row.state.ambiguous_until == at(100) + LIFE
    assert row.state.unanswered is not None
    assert row.state.unanswered.figure == 5


def test_half_a_claim_is_the_most_urgent_and_the_rest_the_oldest(world: World) -> None:
    items = [world.item(f"SKU-{number}") for number in range(6)]
    listings = [world.listing(item) for item in items]
    for number, (item, figure) in enumerate(zip(items, (9, 9, 9, 0, 0, 0), strict=True)):
        want(world, item, figure, after_s=number / 10)

    taken = {row.id for row in claim(world, limit=4).rows}

    assert taken == {listings[3], listings[4], listings[0], listings[1]}


def test_what_waits_until_later_or_has_failed_for_a_person_is_not_claimed(world: World) -> None:
    mug, cup = world.item("MUG"), world.item("CUP")
    waiting, failed = world.listing(mug), world.listing(cup)
    want(world, mug, 5)
    want(world, cup, 5)
    put(world, waiting, run_at=at(30))
    with world.store.transaction():
        (row,) = world.store.lock([failed])
        world.store.save([replace(row, failed=True)], now=at(2))

    assert claim(world, after_s=29).rows == ()
    assert [row.id for row in claim(world, after_s=30).rows] == [waiting]


def test_a_claim_finds_room_for_its_calls_or_says_how_long_to_wait_and_claims_nothing(world: World) -> None:
    mug = world.item("MUG")
    listing = world.listing(mug)
    want(world, mug, 0)  # urgent: it may take the reserve
    world.tokens(2)

    refused = claim(world, after_s=0, calls=7)

    assert refused.rows == ()
    assert refused.wait_s == pytest.approx(0.05)
    assert look(world, listing).state.token == 0
    assert claim(world, after_s=0.1, calls=7).rows


def test_a_shut_budget_gives_nothing_before_its_time(world: World) -> None:
    mug = world.item("MUG")
    world.listing(mug)
    want(world, mug, 5)

    world.store.shut_budget(world.shop, now=at(0), until=at(10))

    assert claim(world, after_s=4).wait_s == pytest.approx(6)
    assert claim(world, after_s=11).rows


# ── news and sightings ───────────────────────────────────────────────────────────────────────────────


def test_news_unsettles_a_listing_and_says_by_how_much_the_channel_lowered_its_figure(world: World) -> None:
    mug = world.item("MUG")
    single, crate = world.listing(mug), world.listing(world.item("CUP"), pack=6)
    want(world, mug, 5)
    show(world, single, 5)

    note(world, mug, 2, -1)

    state = look(world, single).state
    assert (state.news, state.lowered, state.dirty_since) == (2, 1, at(1))
    assert look(world, crate).state.news == 0


def test_news_lowers_a_pack_listing_by_packs(world: World) -> None:
    mug = world.item("MUG")
    crate = world.listing(mug, pack=6)
    want(world, mug, 60)

    note(world, mug, 6)

    assert look(world, crate).state.lowered == 1


def test_a_figure_holds_all_news_only_while_its_item_is_clean(world: World) -> None:
    mug = world.item("MUG")
    listing = world.listing(mug)
    want(world, mug, 5)
    note(world, mug, 1)

    clean = look(world, listing)
    world.dirty(mug)
    soiled = look(world, listing)

    assert (clean.fresh, clean.state.desired_news) == (True, 1)
    assert (soiled.fresh, soiled.state.desired_news) == (False, 0)


def test_a_kit_is_out_of_date_while_a_component_is_dirty(world: World) -> None:
    mug = world.item("MUG")
    set_of_two = world.item("SET", parts=[mug])
    listing = world.listing(set_of_two)
    want(world, set_of_two, 5)
    assert look(world, listing).fresh

    world.dirty(mug)

    assert not look(world, listing).fresh


def test_a_sighting_of_another_figure_owes_a_settled_listing_again_and_its_own_echo_does_not(
    world: World,
) -> None:
    mug = world.item("MUG")
    listing = world.listing(mug)
    want(world, mug, 5)
    show(world, listing, 5)

    assert see(world, mug, 5) == 0
    assert see(world, mug, None) == 0
    assert look(world, listing).state.dirty_since is None

    assert see(world, mug, 8) == 1
    assert look(world, listing).state.dirty_since == at(9)


def test_what_was_tried_is_kept_in_order(world: World) -> None:
    listing = world.listing(world.item("MUG"))

    with world.store.transaction():
        world.store.record([attempt(listing, "ambiguous"), attempt(listing, "settled")], now=at(1))

    assert world.attempts(listing) == ["ambiguous", "settled"]


def test_rows_are_locked_in_the_order_of_their_ids(world: World) -> None:
    listings = [world.listing(world.item(f"SKU-{number}")) for number in range(3)]

    with world.store.transaction():
        rows = world.store.lock(list(reversed(listings)))

    assert [row.id for row in rows] == sorted(listings)
