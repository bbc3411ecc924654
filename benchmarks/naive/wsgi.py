"""The naive build's WSGI entry."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.naive.settings")
application = get_wsgi_application()

from benchmarks.naive import celery  # noqa: E402, F401 - binds the tasks to their app
