"""Settings, URLs, the Celery app and the ASGI entry."""
