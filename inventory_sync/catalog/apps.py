from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "inventory_sync.catalog"
    label = "catalog"
