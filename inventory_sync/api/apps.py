from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "inventory_sync.api"
    label = "api"
