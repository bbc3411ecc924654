"""The webhook door: a small WSGI application in front of Django's request cycle.

    verify the signature over the raw bytes → store the delivery → commit → 2xx

Never 2xx when the database did not take it. Does not interpret bodies.
"""
