"""What exists and how it is spelt: catalog, types, callers, queries, error codes. Knows no policy and no database."""
