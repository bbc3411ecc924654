"""A dispatcher whose watchdog is patient for seconds only: `python -m tests.walks.quick_watch`."""

from __future__ import annotations

from datetime import timedelta

import django
from django.core.management import call_command

PATIENCE = timedelta(seconds=8)


def main() -> None:
    django.setup()
    from inventory_sync.pipeline import watch

    watch.DEAF_AFTER = watch.MISSED_AFTER = watch.HEARD_AFTER = PATIENCE
    call_command("dispatcher")


if __name__ == "__main__":
    main()
