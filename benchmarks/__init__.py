"""Measurements, never tests: `make bench`. Figures are ratios and CPU per request; machines are shared and noisy."""
