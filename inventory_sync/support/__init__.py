"""Model bases, correlation ids, logging, metrics. Knows no business word."""
