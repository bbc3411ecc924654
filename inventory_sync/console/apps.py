from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "inventory_sync.console"
    label = "console"
