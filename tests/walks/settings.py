"""The platform's own settings, with systems whose requests are over sooner: see quick_shop.py."""

from inventory_sync.config.settings import *  # noqa: F403 - a settings module is its names
from inventory_sync.config.settings import CONNECTORS as INSTALLED

CONNECTORS = {**INSTALLED, "woocommerce": "tests.walks.quick_shop", "odoo": "tests.walks.quick_odoo"}
