from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "inventory_sync.access"
    label = "access"
