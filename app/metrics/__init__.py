"""Metrics: what a worker counts, in memory that its parent and the admin listener read."""
