"""The WooCommerce connector as it is, for a shop that answers within seconds.

What a killed worker had under way may land for as long as a request may live; with a real shop's two minutes
a walk would mostly wait. The client's patience in the walks is 5 s, so 6 s is the truth here.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.woocommerce.connector import WooConnector


class QuickShop(WooConnector):
    capabilities = replace(WooConnector.capabilities, max_request_life_s=6, orders_visible_within_s=1)


CONNECTOR = QuickShop()
