"""Measures, ours beside the build a competent team would write first. `make bench`; docs/performance.md."""
