from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "inventory_sync.workflows"
    label = "workflows"
