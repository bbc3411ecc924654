"""A month of the history of figures is attached, not created in place, and made again if it was detached."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE FUNCTION availability_make_part(month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    parent text := 'availability_figurehistory';
    named text := parent || to_char(month, '_YYYY_MM');
    part text := named;
    again int := 1;
BEGIN
    WHILE to_regclass(part) IS NOT NULL LOOP
        IF EXISTS (SELECT FROM pg_inherits
                WHERE inhrelid = to_regclass(part) AND inhparent = to_regclass(parent)) THEN
            RETURN false;
        END IF;
        again := again + 1;
        part := named || '_' || again;
    END LOOP;
    -- Created in place it would lock the whole table against those who read and write it.
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part,
        month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    PERFORM availability_guard_part(part);
    RETURN true;
END $$;
DROP FUNCTION availability_make_month(timestamptz);
"""
REVERSE = """
DROP FUNCTION availability_make_part(date);
CREATE FUNCTION availability_make_month(at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
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


class Migration(migrations.Migration):
    dependencies = [("availability", "0007_refuse_to_empty_the_history")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
