"""The units everybody uses and the virtual locations that movements need as their other legs."""

from django.db import migrations

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


def add(apps, schema_editor):
    unit = apps.get_model("catalog", "Unit")
    unit.objects.bulk_create([unit(code=code, name=name) for code, name in UNITS], ignore_conflicts=True)
    location = apps.get_model("catalog", "Location")
    for code, name, kind in VIRTUAL:
        location.objects.get_or_create(code=code, defaults={"name": name, "kind": kind})


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
