"""Partners: who may come in, what they may take, and who is stopped."""
