"""Orchestration over several systems: copies of orders owed to an ERP, deliveries told to channels."""
