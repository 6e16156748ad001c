"""Results: what a source answered, shared by all who ask the same at once and, where stewards allow it, kept."""
