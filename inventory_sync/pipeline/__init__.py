"""The only room that knows the order of the steps; all Celery tasks, wake-ups, dispatcher, schedule."""
