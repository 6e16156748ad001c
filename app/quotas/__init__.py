"""Quotas: how many requests and rows a partner may take, counted by one process or by all that share a Valkey."""
