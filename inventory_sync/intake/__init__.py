"""What came in, raw: deliveries, their dedupe keys, shards and parked lines. Does not interpret them."""
