from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "inventory_sync.ledger"
    label = "ledger"
