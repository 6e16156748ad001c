"""Telemetry: traces, and the record of slow requests."""
