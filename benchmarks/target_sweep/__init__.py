"""Randomly composed networks, built and run in the target runtime."""
