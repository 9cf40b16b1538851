"""Follows the picture through a graph from input to answer: sizes, reach and cost, nothing run."""
