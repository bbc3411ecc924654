from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

UNITS = [
    ("C62", "one"),
    ("H87", "piece"),
    ("EA", "each"),
    ("PR", "pair"),
    ("DZN", "dozen"),
    ("SET", "set"),
    ("CT", "carton"),
    ("XBX", "box"),
    ("XPK", "package"),
    ("KGM", "kilogram"),
    ("GRM", "gram"),
    ("LTR", "litre"),
    ("MTR", "metre"),
]
VIRTUAL = [
    ("V-VENDOR", "Vendors", "vendor"),
    ("V-CUSTOMER", "Customers", "customer"),
    ("V-ADJUST", "Adjustments", "adjustment"),
    ("V-TRANSIT", "In transit", "transit"),
    ("V-SCRAP", "Scrap", "scrap"),
]


class CatalogConfig(AppConfig):
    name = "inventory_sync.catalog"
    label = "catalog"

    def ready(self) -> None:
        post_migrate.connect(self.make_basics, sender=self)

    def make_basics(self, using: str = "default", **_: Any) -> None:
        """Make the usual units and the virtual legs of movements; runs after every migrate."""
        unit, location = self.get_model("Unit"), self.get_model("Location")
        unit.objects.using(using).bulk_create(
            [unit(code=code, name=name) for code, name in UNITS], ignore_conflicts=True
        )
        location.objects.using(using).bulk_create(
            [location(code=code, name=name, kind=kind) for code, name, kind in VIRTUAL], ignore_conflicts=True
        )
