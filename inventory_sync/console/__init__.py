"""The Django admin: dashboards, workbench, replay and approval pages."""
