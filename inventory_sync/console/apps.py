from django.apps import AppConfig, apps

# What staff call the rooms, in the order of the path.
NAMES = {
    "intake": "Incoming",
    "ledger": "Stock",
    "availability": "Channels",
    "propagation": "Channels",
    "auth": "Access",
}


class ConsoleConfig(AppConfig):
    name = "inventory_sync.console"
    label = "console"

    def ready(self) -> None:
        for label, name in NAMES.items():
            apps.get_app_config(label).verbose_name = name
