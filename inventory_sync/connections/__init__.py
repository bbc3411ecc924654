"""Accounts at vendors: config, secrets, cursors, budgets, health, and the registry of connectors."""
