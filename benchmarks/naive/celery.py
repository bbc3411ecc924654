"""The naive build's Celery app, as in Celery's First steps with Django."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.naive.settings")

app = Celery("naive")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf["CELERY_DB_REUSE_MAX"] = 500  # without it every task opens a connection of its own
app.autodiscover_tasks(["benchmarks.naive.shop"])
