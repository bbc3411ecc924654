"""Telling people: happening → notice (owed to a route) → message → sent. Rules are domain/telling.py's."""
