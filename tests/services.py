"""Give the test run its PostgreSQL and broker addresses before Django reads its settings."""
