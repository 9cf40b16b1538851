"""Measurements of what the design promises."""
