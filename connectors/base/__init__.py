"""A toolkit for connectors: HTTP client with the egress guard, signatures, contract suite, twin kit."""
