"""Movements, stock levels, reservations and their lock order. The only code that writes ledger rows."""
