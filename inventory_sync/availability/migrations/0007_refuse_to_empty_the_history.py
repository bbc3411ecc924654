"""The history of figures is not emptied either: neither whole nor a month of it."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE FUNCTION availability_guard_part(part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Row triggers of the parent reach its partitions, a trigger on TRUNCATE does not.
    EXECUTE format('CREATE TRIGGER availability_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT'
        ' EXECUTE FUNCTION availability_refuse_edit()', part);
END $$;
SELECT availability_guard_part(relid::text) FROM pg_partition_tree('availability_figurehistory');
SELECT availability_guard_part('availability_policyversion');

CREATE OR REPLACE FUNCTION availability_make_month(at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    since timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
    name text := 'availability_figurehistory_' || to_char(since, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF availability_figurehistory FOR VALUES FROM (%L) TO (%L)',
            name, since AT TIME ZONE 'UTC', (since + interval '1 month') AT TIME ZONE 'UTC');
        PERFORM availability_guard_part(name);
    END IF;
END $$;
"""
REVERSE = """
CREATE OR REPLACE FUNCTION availability_make_month(at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    since timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
    name text := 'availability_figurehistory_' || to_char(since, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF availability_figurehistory FOR VALUES FROM (%L) TO (%L)',
            name, since AT TIME ZONE 'UTC', (since + interval '1 month') AT TIME ZONE 'UTC');
    END IF;
END $$;
DO $$
DECLARE
    guarded regclass;
BEGIN
    FOR guarded IN SELECT tgrelid FROM pg_trigger WHERE tgname = 'availability_no_truncate' LOOP
        EXECUTE format('DROP TRIGGER availability_no_truncate ON %s', guarded);
    END LOOP;
END $$;
DROP FUNCTION availability_guard_part(text);
"""


class Migration(migrations.Migration):
    dependencies = [("availability", "0006_leave_half_of_each_page_free")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
