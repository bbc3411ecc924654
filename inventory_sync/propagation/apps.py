from django.apps import AppConfig


class PropagationConfig(AppConfig):
    name = "inventory_sync.propagation"
    label = "propagation"
