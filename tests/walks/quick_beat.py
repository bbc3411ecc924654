"""A beat that ticks every second: the platform's own Celery app with a shorter schedule.

celery -A tests.walks.quick_beat beat
"""

from __future__ import annotations

from inventory_sync.config.celery import app

app.conf.beat_schedule = {name: {**entry, "schedule": 1.0} for name, entry in app.conf.beat_schedule.items()}
