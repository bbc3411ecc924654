"""Gauges are read at the scrape, never before, and escaped as Prometheus wants."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from inventory_sync.support.metrics import Measure, render


def test_a_measure_is_read_once_per_scrape():
    reads = []

    def read(look):
        reads.append(1)
        return [(("shop",), float(len(reads)))]

    measure = Measure("debts", "What is owed.", ("connection",), read)

    first, second = render([measure]), render([measure])

    assert b'debts{connection="shop"} 1.0' in first
    assert b'debts{connection="shop"} 2.0' in second


def test_a_label_may_hold_anything():
    odd = 'quote " backslash \\ newline \n end'
    text = render([Measure("debts", "What is owed.", ("name",), lambda look: [((odd,), 3)])]).decode()

    (family,) = text_string_to_metric_families(text)

    assert family.samples[0].labels == {"name": odd}


def test_a_family_without_rows_is_still_explained():
    text = render([Measure("debts", "What is owed.", ("name",), lambda look: [])]).decode()

    assert "# HELP debts What is owed." in text
