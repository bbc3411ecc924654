from django.apps import AppConfig


class PipelineConfig(AppConfig):
    name = "inventory_sync.pipeline"
    label = "pipeline"
