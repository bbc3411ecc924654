from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    name = "inventory_sync.connections"
    label = "connections"
