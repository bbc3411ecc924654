from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "inventory_sync.cases"
    label = "cases"
