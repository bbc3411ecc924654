"""Every HTTP door: the webhook door, v1, health and metrics."""
