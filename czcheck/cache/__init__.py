"""Verdicts that are kept, so that what did not change need not be run again."""
