from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "inventory_sync.audit"
    label = "audit"
