"""One row per shard and tier, and the sequence of the hub's own reading numbers."""

from django.db import migrations

FORWARD = """
INSERT INTO intake_shard (tier, number, token)
SELECT tier, number, 0
FROM unnest(ARRAY['critical', 'standard', 'bulk', 'replay']) AS tier, generate_series(0, 63) AS number
ON CONFLICT DO NOTHING;
CREATE SEQUENCE intake_reading;
"""
REVERSE = """
DROP SEQUENCE intake_reading;
DELETE FROM intake_shard;
"""


class Migration(migrations.Migration):
    dependencies = [("intake", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
