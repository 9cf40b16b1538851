"""Runs a network in a process of its own."""
