"""Plain Python: the rules, and the types both sides share. No Django, no Celery, no HTTP."""
