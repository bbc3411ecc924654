"""Stock, orders and webhooks of the naive build."""
