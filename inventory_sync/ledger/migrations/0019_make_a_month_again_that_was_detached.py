"""A month that was detached keeps its name as a table of the archive; made again, it gets another name.

What is in the archive stays there: attached again, its lines would count beside the balance that replaces them.
"""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION ledger_make_partition(parent text, month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
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
    -- Attached, not created in place: that would lock the whole table against those who read and write it.
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part,
        month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    PERFORM ledger_guard_partition(part);
    RETURN true;
END $$;
"""
REVERSE = """
CREATE OR REPLACE FUNCTION ledger_make_partition(parent text, month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    part text := parent || to_char(month, '_YYYY_MM');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part,
        month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    PERFORM ledger_guard_partition(part);
    RETURN true;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0018_keep_keys_and_facts")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
