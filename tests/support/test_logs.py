"""A log line is one line, carries what was bound, and reads the same from us and from others."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest

from inventory_sync.support import correlation, logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Log as JSON into a string for the length of a test."""
    written = io.StringIO()
    config = logs.dict_config(level="INFO", as_json=True)
    handler = logging.StreamHandler(written)
    configurator = logging.config.DictConfigurator(config)  # type: ignore[attr-defined]
    handler.setFormatter(configurator.configure_formatter(config["formatters"]["line"]))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_line_carries_its_event_its_values_and_what_was_bound(lines: io.StringIO):
    with correlation.bound(correlation_id="c0ffee00c0ffee00", connection="woo"):
        logs.get_logger("tests.logs").info("stock.posted", movements=2)

    (line,) = [json.loads(text) for text in lines.getvalue().splitlines()]
    assert (line["event"], line["movements"]) == ("stock.posted", 2)
    assert (line["correlation_id"], line["connection"]) == ("c0ffee00c0ffee00", "woo")
    assert (line["level"], line["logger"]) == ("info", "tests.logs")
    assert line["timestamp"].endswith("Z")


def test_what_a_sender_wrote_cannot_begin_a_new_line(lines: io.StringIO):
    logs.get_logger("tests.logs").warning("hook.refused", path='/x\n{"event": "stock.posted"}')

    assert len(lines.getvalue().splitlines()) == 1


def test_the_standard_librarys_lines_look_the_same(lines: io.StringIO):
    with correlation.bound(correlation_id="c0ffee00c0ffee00"):
        logging.getLogger("somebody.else").error("failed for %s", "x")

    (line,) = [json.loads(text) for text in lines.getvalue().splitlines()]
    assert (line["event"], line["correlation_id"]) == ("failed for x", "c0ffee00c0ffee00")


def test_two_new_ids_differ_and_nothing_is_bound_outside():
    assert correlation.new_id() != correlation.new_id()
    assert correlation.current() == ""
