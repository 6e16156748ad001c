"""The gate for free SQL: every relation replaced by what its caller may see, and nothing told by errors."""
