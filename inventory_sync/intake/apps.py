from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "inventory_sync.intake"
    label = "intake"
