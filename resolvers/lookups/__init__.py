"""Lookups: rows by key, of feature stores and models: how they are planned, asked, governed and kept."""
