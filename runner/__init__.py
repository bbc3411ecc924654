"""Brings the platform up from outside: embedded servers, supervisor, live trade, TCP faults.

Plain Python. Imports nothing of inventory_sync or connectors: it starts them as processes.
"""
