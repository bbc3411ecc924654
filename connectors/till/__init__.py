"""The plain signed till contract, ours: sales, returns, counts and session ends of a store."""
