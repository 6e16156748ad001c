"""SQL: from a text and its parameters to a `LogicalStatement`. Knows no HTTP, no policy, no engine."""
