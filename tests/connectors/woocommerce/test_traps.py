"""Every trap of a WooCommerce shop, one row each: what the shop does, and the test that holds us to it.

Sections are those of the shop's wire contract: keys, reading, writing, orders, webhooks, and the list.
"""

from __future__ import annotations

from importlib import import_module

import pytest

ACCOUNT, LEVELS, SWEEPS = "test_account", "test_levels", "test_sweeps"
TRANSLATE, WEBHOOKS, TRADE = "test_translate", "test_webhooks", "test_trade"

TRAPS: list[tuple[str, str, str, str]] = [
    (
        "1",
        "keys are looked up only below wp-json/wc/",
        ACCOUNT,
        "test_every_recorded_401_is_for_the_owner_to_mend",
    ),
    (
        "1",
        "plain http ignores Basic and query keys",
        ACCOUNT,
        "test_other_keys_are_silently_ignored_on_plain_http_and_the_owner_is_told",
    ),
    (
        "1",
        "OAuth signs the home address",
        ACCOUNT,
        "test_oauth_signs_the_shops_own_home_and_not_the_address_called",
    ),
    ("1", "a nonce holds once", ACCOUNT, "test_each_oauth_request_has_a_nonce_of_its_own"),
    ("1", "messages are translated", ACCOUNT, "test_the_code_decides_and_not_the_message"),
    ("1", "read-only and write-only keys", ACCOUNT, "test_a_key_with_half_the_rights_is_named"),
    (
        "2",
        "/products lists no variations",
        LEVELS,
        "test_levels_come_in_the_order_asked_and_a_bad_ref_spares_the_rest",
    ),
    ("2", "/variations is young", LEVELS, "test_listings_know_products_pools_and_variations"),
    (
        "2",
        "inserts shift pages",
        SWEEPS,
        "test_an_order_that_changes_between_two_pages_shifts_none_out_of_sight",
    ),
    (
        "2",
        "modified_after is shop-local without dates_are_gmt",
        SWEEPS,
        "test_times_go_out_bare_with_dates_are_gmt",
    ),
    ("2", "modified_after is strict, one second", SWEEPS, "test_a_change_within_the_same_second_is_found"),
    (
        "2",
        "many rows share one second",
        SWEEPS,
        "test_rows_of_one_second_are_all_read_however_small_the_page",
    ),
    ("2", "orders show late", SWEEPS, "test_an_order_that_shows_late_is_caught_by_the_overlap"),
    ("2", "raw writes bump nothing", SWEEPS, "test_a_raw_write_of_a_plugin_is_seen_by_reading_levels_only"),
    ("2", "times are naive", TRANSLATE, "test_naive_times_are_utc_and_the_shop_local_ones_are_never_read"),
    ("2", "manage_stock true, false or parent", TRANSLATE, "test_a_product_is_an_observation_of_one_listing"),
    ("2", "floats on decimal shops", TRANSLATE, "test_the_float_of_a_decimal_shop_stays_exact"),
    (
        "3",
        "fractions are cut, words become 0 in a batch",
        LEVELS,
        "test_what_a_batch_would_cut_or_zero_is_never_sent",
    ),
    ("3", "200 and unmanaged, parent-managed, missing", LEVELS, "test_one_bad_line_spares_the_others"),
    (
        "3",
        "wrong content type: yes and nothing",
        LEVELS,
        "test_a_yes_to_a_request_the_shop_did_not_read_is_not_applied",
    ),
    (
        "3",
        "forcing management changes the merchant's setting",
        LEVELS,
        "test_the_policy_switches_management_on_but_leaves_shared_pools_alone",
    ),
    ("3", "integers only", LEVELS, "test_whole_figures_are_sent_as_json_integers"),
    (
        "3",
        "a batch fails by line under a 200",
        LEVELS,
        "test_the_recorded_partial_failure_is_told_line_by_line",
    ),
    ("3", "101 lines are 413", LEVELS, "test_more_than_a_hundred_lines_are_split"),
    (
        "3",
        "variation batches are per parent",
        LEVELS,
        "test_figures_land_and_results_come_in_the_order_asked",
    ),
    ("3", "a timeout may have applied", LEVELS, "test_a_failed_write_says_whether_it_may_have_landed"),
    (
        "3",
        "a proxy answers with a page",
        ACCOUNT,
        "test_a_page_of_something_in_front_of_the_shop_is_not_the_keys_fault",
    ),
    (
        "3",
        "error bodies have codes",
        ACCOUNT,
        "test_recorded_errors_of_a_write_are_refusals_when_the_shop_decided",
    ),
    ("4", "what each status does to stock", TRANSLATE, "test_every_status_has_its_meaning"),
    ("4", "custom statuses", TRANSLATE, "test_a_connection_may_say_what_its_custom_statuses_mean"),
    (
        "4",
        "match on the variation or the product",
        TRANSLATE,
        "test_a_line_is_matched_on_its_variation_and_else_on_its_product",
    ),
    (
        "4",
        "refunds with and without restock, too many, by amount",
        TRANSLATE,
        "test_refunded_units_are_no_longer_owed",
    ),
    (
        "4",
        "an order lists its refunds without lines",
        TRADE,
        "test_a_refund_comes_as_a_hint_to_read_the_order",
    ),
    (
        "4",
        "a refund while reading",
        SWEEPS,
        "test_a_refund_made_while_reading_is_read_with_the_order_of_its_time",
    ),
    ("4", "a trashed order", TRADE, "test_a_trashed_order_vanishes_and_its_shadow_as_a_product_does_no_harm"),
    (
        "4",
        "a force-deleted order",
        TRADE,
        "test_a_force_deleted_order_announces_nothing_and_is_found_by_reading",
    ),
    ("5", "the ping is unsigned", TRADE, "test_each_new_hook_pings_unsigned_and_is_answered"),
    ("5", "hooks are not unique", ACCOUNT, "test_our_duplicates_go_and_strangers_stay"),
    (
        "5",
        "entities in secrets",
        WEBHOOKS,
        "test_a_secret_the_shop_would_sign_differently_is_refused_in_the_settings",
    ),
    ("5", "raw bytes are signed", WEBHOOKS, "test_recorded_deliveries_are_named_by_their_object"),
    (
        "5",
        "delivery ids are shared",
        WEBHOOKS,
        "test_hundred_changes_under_one_delivery_id_are_hundred_deliveries",
    ),
    ("5", "signed error bodies", TRADE, "test_a_signed_error_body_asks_for_a_catch_up"),
    ("5", "coalesced", TRADE, "test_changes_before_the_cron_arrive_as_their_last_state_only"),
    ("5", "updated before created", TRADE, "test_a_checkout_reaches_the_hub_as_one_state_in_whatever_order"),
    (
        "5",
        "variations and pools",
        TRADE,
        "test_a_variation_comes_under_its_own_id_and_a_pool_under_its_parents",
    ),
    ("5", "action topics name no product", TRANSLATE, "test_topics_that_tell_nothing_are_unsupported"),
    ("5", "no retry, ever", TRADE, "test_a_failed_delivery_is_never_repeated_and_the_sweep_finds_it"),
    (
        "5",
        "the seventh failure disables",
        TRADE,
        "test_hooks_killed_by_refusals_are_healed_and_deliver_again",
    ),
    (
        "5",
        "setting active keeps the count",
        ACCOUNT,
        "test_a_hook_that_is_not_active_is_replaced_and_not_set_active_again",
    ),
    ("5", "our own write comes back", TRADE, "test_our_own_write_comes_back_with_the_stamp_its_answer_had"),
    (
        "6.1",
        "a sale between read and write",
        TRADE,
        "test_a_foreign_edit_inside_our_window_is_told_from_our_echo",
    ),
    ("6.2", "200 with nothing changed", LEVELS, "test_one_bad_line_spares_the_others"),
    ("6.3", "null and words become 0", LEVELS, "test_what_a_batch_would_cut_or_zero_is_never_sent"),
    ("6.4", "webhooks as a whole", TRADE, "test_changes_before_the_cron_arrive_as_their_last_state_only"),
    ("6.5", "time", SWEEPS, "test_times_go_out_bare_with_dates_are_gmt"),
    ("6.6", "unpaid orders hold stock unseen", TRANSLATE, "test_every_status_has_its_meaning"),
    ("6.7", "firewalls", ACCOUNT, "test_a_page_of_something_in_front_of_the_shop_is_not_the_keys_fault"),
    (
        "6.8",
        "stale caches: a figure that is not the one written",
        LEVELS,
        "test_the_recorded_partial_failure_is_told_line_by_line",
    ),
    ("6.9", "numbers as texts and texts as numbers", TRANSLATE, "test_a_malformed_order_names_its_field"),
    ("6.10", "one sequence of ids", TRANSLATE, "test_a_deleted_product_is_a_hint_for_it_may_be_an_order"),
    ("6.11", "one SKU, many listings", LEVELS, "test_listings_know_products_pools_and_variations"),
]


@pytest.mark.parametrize(
    ("section", "trap", "module", "name"), TRAPS, ids=[f"{row[0]} {row[1]}" for row in TRAPS]
)
def test_every_trap_is_held_by_a_test(section: str, trap: str, module: str, name: str) -> None:
    tests = import_module(f"tests.connectors.woocommerce.{module}")

    assert callable(getattr(tests, name, None)), f"§{section}, {trap}"


def test_no_section_of_the_contract_is_without_traps() -> None:
    held = {section for section, *_ in TRAPS}

    assert held == {"1", "2", "3", "4", "5", *(f"6.{number}" for number in range(1, 12))}
