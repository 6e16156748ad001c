"""Statements: how a governed SQL statement is planned over sources and run. Knows no HTTP."""
