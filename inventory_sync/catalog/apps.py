from typing import Any

from django.apps import AppConfig, apps
from django.db import transaction
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
        unit: Any = self.get_model("Unit")
        location: Any = self.get_model("Location")
        unit.objects.using(using).bulk_create(
            [unit(code=code, name=name) for code, name in UNITS], ignore_conflicts=True
        )
        there = set(location.objects.using(using).values_list("code", flat=True))
        missing = [location(code=code, name=name, kind=kind) for code, name, kind in VIRTUAL]
        missing = [row for row in missing if row.code not in there]
        if not missing:
            return
        entry: Any = apps.get_model("audit", "Entry")
        with transaction.atomic(using=using):
            location.objects.using(using).bulk_create(missing, ignore_conflicts=True)
            entry.objects.using(using).create(
                actor_name="migrate",
                action="location.created",
                subject_table=location._meta.db_table,
                subject_id="*",
                subject_label="virtual locations",
                after={"codes": [row.code for row in missing]},
                reason="The other legs of movements; made after every migrate.",
            )
