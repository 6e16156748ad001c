"""Compile: a valid operation and its values to a LogicalQuery, by the conventions of `schema.query`."""
