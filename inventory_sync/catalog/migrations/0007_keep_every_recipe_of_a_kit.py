"""Every version of what a kit is made of, and from when; the version in force is named on the item."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION catalog_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: declare another version', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER catalog_kitrecipe_append_only BEFORE UPDATE ON catalog_kitrecipe
    FOR EACH ROW EXECUTE FUNCTION catalog_refuse_edit();
INSERT INTO catalog_kitrecipe (kit_id, version, valid_from, components, actor, reason)
SELECT k.kit_id, 1, now(), jsonb_object_agg(c.sku, trim_scale(k.quantity)::text), 'migration',
    'It stood before versions were kept.'
FROM catalog_kitcomponent k JOIN catalog_item c ON c.id = k.component_id GROUP BY k.kit_id;
"""
REVERSE = """
DROP TRIGGER catalog_kitrecipe_append_only ON catalog_kitrecipe;
DROP FUNCTION catalog_refuse_edit();
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_kits_may_be_pooled")]

    operations = [
        migrations.AddField(
            model_name="item",
            name="recipe_version",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="The version of its recipe that is in force.",
            ),
        ),
        migrations.CreateModel(
            name="KitRecipe",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("valid_from", models.DateTimeField()),
                ("components", models.JSONField(help_text="SKU → base units in one kit.")),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.TextField(blank=True)),
                (
                    "kit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recipes",
                        to="catalog.item",
                    ),
                ),
            ],
            options={
                "ordering": ["kit", "-version"],
                "constraints": [
                    models.UniqueConstraint(fields=("kit", "version"), name="one_recipe_per_version")
                ],
            },
        ),
        migrations.RunSQL(FORWARD, REVERSE),
    ]
