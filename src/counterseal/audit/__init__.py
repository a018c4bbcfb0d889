"""Audit: the log, its chain, its signed heads, and gauges."""
