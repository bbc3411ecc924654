"""Every trap of an Odoo server, one row each: what the server does, and the test that provokes it.

Sections are those of the wire contract: what loses stock, transports and errors, reading, writing, flows,
answers that look like success, webhooks, and the rest. The tests play at the twin; the connector's own show
that it steps into none.
"""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from tests.house.source import ROOT, assert_none

AUTH, WIRE, ORM, FAULTS = "test_twin_auth", "test_twin_wire", "test_twin_orm", "test_twin_faults"
COUNTS, PICKINGS, QUANTS = "test_twin_counts", "test_twin_pickings", "test_twin_stock_quants"
RETURNS, STOCK, LOAD = "test_twin_returns", "test_twin_traps_stock", "test_twin_load"
SALES, POS, HOOKS, CONTROL = "test_twin_sales", "test_twin_pos", "test_twin_hooks", "test_twin_control"
RECORDED, ROWS = "test_twin_recordings", "test_twin_transactions"

TRAPS: list[tuple[str, str, str, str]] = [
    # ── rules that prevent lost or doubled stock ──
    ("0.1", "applying without a count sets 0", COUNTS,
     "test_applying_again_without_a_count_sets_zero_on_19_and_moves_nothing_on_18"),
    ("0.1", "18 too, where a row was never counted", COUNTS,
     "test_applying_a_row_that_was_never_counted_sets_zero"),
    ("0.1", "an apply repeated over a lost answer", STOCK,
     "test_repeating_an_apply_over_a_lost_answer_zeroes_19"),
    ("0.1", "the count again, then the apply", STOCK,
     "test_writing_the_count_again_before_repeating_is_safe"),
    ("0.2", "XML-RPC fails after it committed", WIRE,
     "test_xmlrpc_commits_and_then_fails_on_a_result_of_none"),
    ("0.3", "two counters of one row", COUNTS,
     "test_two_counters_of_one_row_end_at_zero_on_19_and_at_the_last_count_on_18"),
    ("0.4", "200 and nothing done", PICKINGS, "test_too_little_asks_and_does_nothing"),
    ("0.5", "one key, several rows", QUANTS, "test_who_finds_the_rows_locked_makes_a_second_row"),
    ("0.5", "one of two rows counted is not the shelf", STOCK,
     "test_a_count_of_one_of_two_rows_is_not_a_count_of_the_shelf"),
    ("0.6", "a document under a unique name may be repeated", STOCK,
     "test_repeating_a_named_document_is_safe"),
    # ── transports, keys, errors ──
    ("1", "no keep-alive", WIRE, "test_every_answer_closes_its_connection"),
    ("1", "no result at all for None", WIRE, "test_jsonrpc_leaves_the_result_out_when_there_is_none"),
    ("1", "a list in, a list out", WIRE, "test_jsonrpc_create_answers_as_it_was_asked"),
    ("1", "JSON-RPC errors are 200", WIRE, "test_jsonrpc_says_what_is_wrong_with_a_call_and_stays_at_200"),
    ("1", "JSON-2 tells by status and name", WIRE, "test_json2_says_by_status_and_name_what_is_wrong"),
    ("1", "18 has no JSON-2", WIRE, "test_18_has_no_json2"),
    ("1", "bad JSON, another type, GET", WIRE, "test_json2_refuses_bad_json_other_types_and_get"),
    ("1", "an unknown database is a page on 19", WIRE, "test_json2_answers_an_unknown_database_with_a_page"),
    ("1", "and a broken connection on 18", WIRE, "test_an_unknown_database_is_a_connection_that_failed"),
    ("1", "a wrong key", AUTH, "test_a_wrong_key_is_denied_on_every_door"),
    ("1", "keys end, after 90 days at most", AUTH, "test_a_key_ends_on_its_day"),
    ("1", "no longer key for the sync user", AUTH,
     "test_only_an_administrator_may_have_a_key_for_longer_than_90_days"),
    ("1", "two keys while they are changed", AUTH, "test_two_keys_stand_for_a_user_while_they_are_changed"),
    ("1", "wrong keys block nobody", AUTH, "test_many_wrong_keys_do_not_block_the_right_one"),
    ("1", "a lost race has a name", FAULTS, "test_a_lost_race_is_told_by_its_name_and_changes_nothing"),
    ("1", "a killed worker leaves nothing", FAULTS,
     "test_a_killed_worker_answers_nothing_and_leaves_nothing"),
    ("1", "an answer lost after the commit", FAULTS,
     "test_an_answer_lost_after_the_commit_leaves_the_work_done"),
    ("1", "a request given up lands later", FAULTS, "test_a_request_given_up_by_its_sender_lands_later"),
    ("1", "a busy row makes the call wait", FAULTS, "test_a_row_that_is_locked_makes_the_call_wait"),
    ("1", "words differ by version", ROWS, "test_an_unknown_field_is_refused_in_the_words_of_the_version"),
    ("1", "every recorded answer", RECORDED, "test_a_recorded_exchange_is_answered_as_the_server_did"),
    # ── reading ──
    ("2", "virtual places mirror what moved", QUANTS, "test_virtual_places_hold_the_mirror_of_what_moved"),
    ("2", "totals add up all warehouses", QUANTS,
     "test_a_product_adds_up_all_warehouses_unless_a_place_is_named"),
    ("2", "load: null gives bare ids", ORM,
     "test_many2one_is_told_with_its_label_or_without_when_load_is_null"),
    ("2", "a missing record is absent, not an error", ORM,
     "test_a_record_that_is_not_there_is_absent_in_read_and_an_error_in_write"),
    ("2", "False stands for null", ORM, "test_false_finds_what_is_empty_and_an_empty_relation"),
    ("2", "no ISO time is ever written", ROWS, "test_no_version_writes_an_iso_time"),
    ("2", "18 lets one pass in a domain", ORM, "test_18_lets_iso_times_pass_in_a_domain_and_19_refuses_them"),
    ("2", "write_date hides its microseconds", ORM,
     "test_write_date_is_told_in_seconds_but_compared_with_its_microseconds"),
    ("2", "archived records hide", ORM, "test_archived_records_hide_unless_asked_for"),
    ("2", "archived products keep stock", CONTROL, "test_an_archived_product_keeps_its_stock"),
    ("2.0", "one call is one picture", ORM, "test_one_web_read_nests_the_stock_of_each_product"),
    ("2.0", "domain and limit inside a one2many", ORM,
     "test_inside_a_one2many_a_domain_is_ignored_and_a_limit_takes_only_the_fields"),
    ("2.0", "a web_read with one record gone", ORM,
     "test_a_web_read_that_nests_fails_whole_when_one_record_is_gone"),
    ("2.0", "unassigning moves write_date", QUANTS,
     "test_reserving_moves_the_quants_write_date_and_not_the_transfers"),
    ("2.1", "a slow transaction is seen late", ROWS, "test_a_slow_commit_is_seen_late_under_an_early_time"),
    ("2.1", "ids are taken before they are seen", ROWS, "test_ids_are_not_given_back_by_a_rollback"),
    ("2.1", "a line becomes done under its old id", PICKINGS,
     "test_a_done_line_keeps_the_id_it_was_reserved_under"),
    ("2.1", "merges leave no trace in write_date", QUANTS,
     "test_the_scheduler_merges_rows_and_leaves_no_trace_in_write_date"),
    ("2.1", "empty rows vanish", QUANTS, "test_the_scheduler_deletes_rows_of_nothing"),
    ("2.1", "a quantity written without a move", COUNTS,
     "test_writing_the_quantity_changes_stock_without_a_move"),
    ("2.1", "the ledger does not tell it", CONTROL,
     "test_the_ledger_tells_every_move_but_not_what_was_edited"),
    ("2.1", "stock does not touch the product", QUANTS, "test_stock_does_not_touch_the_products_write_date"),
    ("2.1", "tills book when they close", POS,
     "test_a_session_that_books_at_closing_moves_nothing_until_then"),
    # ── writing: differences ──
    ("3.1", "a name is taken once", PICKINGS, "test_a_second_transfer_of_the_same_name_is_refused"),
    ("3.1", "validating again moves nothing", PICKINGS, "test_validating_again_is_true_and_moves_nothing"),
    ("3.1", "one taken name takes back the list", PICKINGS, "test_one_taken_name_takes_back_the_whole_list"),
    ("3.1", "18 wants a text on each move", PICKINGS, "test_18_wants_a_text_on_each_move"),
    ("3.1", "19 knows none", PICKINGS, "test_19_knows_no_text_on_a_move"),
    ("3.1", "forced goods go below zero", PICKINGS,
     "test_forcing_a_quantity_skips_the_shelf_and_goes_below_zero"),
    ("3.1", "and are taken from who had them", PICKINGS,
     "test_goods_taken_by_force_are_taken_from_who_had_them_reserved"),
    ("3.1", "a tracked product needs a lot", QUANTS, "test_a_tracked_product_without_lot_is_not_moved"),
    ("3.1", "Stock reserves from shelves inside it", PICKINGS,
     "test_the_oldest_goods_are_reserved_first_wherever_they_lie_inside"),
    # ── writing: counts ──
    ("3.2", "without inventory_mode a count adds", COUNTS,
     "test_without_inventory_mode_a_count_makes_a_second_row_and_adds"),
    ("3.2", "without it, at once does nothing", COUNTS,
     "test_counting_at_once_without_inventory_mode_says_true_and_does_nothing"),
    ("3.2", "18 adds who counted to the marker", COUNTS,
     "test_the_marker_is_the_reference_and_18_adds_who_counted"),
    ("3.2", "18 loses the marker at once", COUNTS, "test_the_marker_of_a_count_at_once_is_lost_on_18"),
    ("3.2", "an equal count is a move of nothing", COUNTS,
     "test_an_equal_count_still_writes_a_move_of_nothing"),
    ("3.2", "a conflict stops the whole call", COUNTS,
     "test_what_moved_since_the_count_stops_every_row_of_the_call"),
    ("3.2", "counting again ends it", COUNTS, "test_counting_again_ends_the_conflict"),
    ("3.2", "a count robs deliveries", COUNTS,
     "test_a_count_below_what_is_reserved_robs_the_delivery_without_a_word"),
    ("3.2", "assigned is no promise of all", STOCK, "test_a_state_that_says_assigned_is_no_promise_of_all"),
    ("3.2", "counts below zero", COUNTS, "test_negative_counts_are_accepted"),
    ("3.2", "a tracked product without lot", COUNTS,
     "test_a_tracked_product_without_lot_asks_on_18_and_is_applied_on_19"),
    ("3.2", "rounding to the unit", COUNTS, "test_counts_are_rounded_to_the_unit_half_up"),
    # ── writing: names ──
    ("3.3", "load finds what it made", LOAD,
     "test_load_creates_under_an_external_id_and_updates_the_second_time"),
    ("3.3", "load changes a confirmed order", SALES,
     "test_loading_an_order_again_under_its_external_id_changes_it"),
    ("3.3", "lots have one name per product", QUANTS, "test_a_lot_has_one_name_per_product"),
    ("3.3", "barcodes once, codes often", ROWS, "test_a_barcode_stands_once_and_a_code_may_stand_twice"),
    ("3.3", "orders have no unique name", SALES, "test_neither_name_nor_reference_of_an_order_is_unique"),
    ("3.3", "scrap has none and repeats", RETURNS, "test_scrap_replaces_a_name_and_twice_is_twice"),
    # ── flows ──
    ("4", "confirming reserves at once", SALES,
     "test_a_draft_reserves_nothing_and_confirming_reserves_at_once"),
    ("4", "confirming twice is refused", SALES, "test_confirming_twice_is_refused_and_changes_nothing"),
    ("4", "the origin differs by version", SALES, "test_the_origin_of_a_delivery_differs_by_version"),
    ("4", "18 asks before it cancels", SALES, "test_cancelling_asks_back_on_18_unless_told_not_to"),
    ("4", "a cancelled order keeps what left", SALES, "test_cancelling_leaves_what_was_shipped"),
    ("4", "a larger line launches more", SALES, "test_a_larger_quantity_launches_what_is_missing"),
    ("4", "a smaller one takes back", SALES,
     "test_a_smaller_quantity_takes_the_move_back_and_leaves_people_a_note"),
    ("4", "and not from a printed delivery", SALES,
     "test_what_a_printed_delivery_cannot_give_back_comes_as_a_return"),
    ("4", "nor below what was delivered", SALES, "test_less_than_was_delivered_is_refused"),
    ("4", "kits go as their parts", SALES, "test_a_kit_goes_as_its_parts_each_with_the_line_of_the_kit"),
    ("4", "a part of a kit is no kit", SALES, "test_a_part_of_a_kit_is_no_kit_delivered"),
    ("4", "a backorder has new moves", PICKINGS,
     "test_skipping_the_question_makes_a_backorder_with_a_new_move"),
    ("4", "the wizard needs its context", PICKINGS,
     "test_the_wizard_without_its_context_says_true_and_does_nothing"),
    ("4", "more than asked is accepted", PICKINGS, "test_delivering_more_than_asked_is_accepted"),
    ("4", "returns start at nothing", RETURNS, "test_a_return_starts_at_nothing_and_makes_the_transfer_back"),
    ("4", "returns lower what was delivered", SALES, "test_deliveries_and_returns_are_counted_on_the_line"),
    ("4", "assigning what is done", PICKINGS, "test_asking_for_the_availability_of_what_is_done_is_refused"),
    ("4", "cancelling what is done", PICKINGS, "test_what_is_done_cannot_be_cancelled"),
    # ── answers that look like success ──
    ("5", "the question about a backorder", PICKINGS, "test_too_little_asks_and_does_nothing"),
    ("5", "the question about a conflict", COUNTS,
     "test_what_moved_since_the_count_stops_every_row_of_the_call"),
    ("5", "the question about scrap", RETURNS, "test_scrapping_more_than_is_there_asks"),
    ("5", "load answers ids: false", LOAD, "test_load_answers_ids_false_and_keeps_nothing_when_a_row_fails"),
    ("5", "a lost race among its messages", FAULTS, "test_load_of_19_tells_a_lost_race_among_its_messages"),
    # ── webhooks ──
    ("6", "unsigned, once, one second", HOOKS,
     "test_a_message_is_sent_once_unsigned_with_one_second_to_answer"),
    ("6", "credentials in the address", HOOKS, "test_credentials_in_the_address_become_basic_auth"),
    ("6", "before the commit on 18", HOOKS,
     "test_on_18_the_receiver_reads_the_state_before_and_on_19_the_state_after"),
    ("6", "also of what never happened", HOOKS,
     "test_on_18_what_is_rolled_back_was_told_and_on_19_it_was_not"),
    ("6", "one per internal write", HOOKS, "test_every_internal_write_is_a_message_of_its_own"),
    ("6", "states in between", HOOKS, "test_reservations_are_told_before_quantities_drop"),
    ("6", "the good rule", HOOKS, "test_the_good_rule_sends_one_message_for_a_finished_move"),
    ("6", "merges and deletions are silent", HOOKS, "test_merges_and_deletions_of_rows_are_never_told"),
    ("6", "stock fires no product rule", HOOKS, "test_a_move_of_stock_does_not_fire_a_rule_on_products"),
    # ── the rest ──
    ("8", "a user without address on 18", PICKINGS,
     "test_a_user_without_address_cannot_make_backorders_on_18"),
    ("8", "who may read what", AUTH, "test_every_user_reads_stock_but_transfers_need_rights"),
    ("8", "making products on 19", AUTH, "test_making_products_needs_its_own_right_on_19"),
    ("8", "making places", AUTH, "test_a_stock_user_may_count_but_not_make_places"),
    ("8", "all companies unless told", AUTH,
     "test_without_a_company_in_the_context_all_of_a_users_companies_are_seen"),
    ("8", "records of other companies", AUTH,
     "test_records_of_another_company_vanish_from_search_and_are_refused_in_read"),
    ("8", "units of the move", QUANTS, "test_a_move_in_dozens_is_twelve_times_that_on_the_shelf"),
    ("8", "fields that came and went", ORM, "test_fields_get_tells_what_a_version_has"),
    ("8", "phantom reservations", QUANTS,
     "test_an_unreserved_split_row_leaves_a_phantom_until_the_scheduler_comes"),
    ("8", "a language that is not there", WIRE, "test_a_language_that_is_not_installed_is_an_error"),
    ("8", "tills sell below nothing", POS, "test_a_till_sells_below_nothing"),
]  # fmt: skip
SECTIONS = {
    "0.1",
    "0.2",
    "0.3",
    "0.4",
    "0.5",
    "0.6",
    "1",
    "2",
    "2.0",
    "2.1",
    "3.1",
    "3.2",
    "3.3",
    "4",
    "5",
    "6",
    "8",
}


@pytest.mark.parametrize(
    ("section", "trap", "module", "name"), TRAPS, ids=[f"{row[0]} {row[1]}" for row in TRAPS]
)
def test_every_trap_is_provoked_by_a_test(section: str, trap: str, module: str, name: str) -> None:
    tests = import_module(f"tests.connectors.odoo.{module}")

    assert callable(getattr(tests, name, None)), f"§{section}, {trap}"


def test_no_section_of_the_contract_is_without_traps() -> None:
    assert {section for section, *_ in TRAPS} == SECTIONS


def page() -> str:
    return (ROOT / "docs/odoo-traps.md").read_text(encoding="utf-8")


def test_every_trap_is_on_the_page_with_the_test_that_provokes_it() -> None:
    rows = {
        tuple(cells[:3]) for line in page().splitlines() if len(cells := line.strip("| ").split(" | ")) == 4
    }

    assert_none(
        f"docs/odoo-traps.md: no row for §{section}, {trap}, `{module}::{name}`, and what the connector does."
        for section, trap, module, name in TRAPS
        if (section, trap, f"`{module}::{name}`") not in rows
    )


def test_every_test_on_the_page_exists() -> None:
    named = set(re.findall(r"`([\w/]+)::(test_\w+)`", page()))

    assert len(named) >= len({name for *_, name in TRAPS})
    assert_none(
        f"docs/odoo-traps.md: there is no {name} in {file}."
        for module, name in sorted(named)
        if f"def {name}(" not in (ROOT / (file := file_of(module))).read_text(encoding="utf-8")
    )


def file_of(module: str) -> str:
    room = "tests/" if "/" in module else "tests/connectors/odoo/"
    return f"{room}{module}.py"
