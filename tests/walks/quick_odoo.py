"""The Odoo connector as it is, for a server whose requests are over within seconds: see quick_shop.py."""

from __future__ import annotations

from dataclasses import replace

from connectors.odoo.connector import OdooConnector


class QuickOdoo(OdooConnector):
    capabilities = replace(OdooConnector.capabilities, max_request_life_s=6)


CONNECTOR = QuickOdoo()
