"""Settings, URLs, the Celery app and the WSGI entry."""
