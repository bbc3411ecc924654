from django.apps import AppConfig


class AvailabilityConfig(AppConfig):
    name = "inventory_sync.availability"
    label = "availability"
