"""The build a competent team would write first, fairly: Django, DRF and Celery as their docs teach them.

A plain app of its own: models with their indexes, a webhook view that stores and calls `.delay()`, a task per
webhook that locks the stock row, a token for each caller. It is right in the plain case, which the harness
checks after every pair. It shares no code with the platform, and does what the platform does for one event:
dedupe, a ledger line, the level, the order's demand, and the wish to compute availability.

What it is given beyond what teams usually find out: database connections that workers keep between tasks
(CELERY_DB_REUSE_MAX), late acknowledgement (measured faster than early on this broker), no task events, and
messages that wait in the broker already when the clock starts.
"""
