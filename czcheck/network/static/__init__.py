"""Follows the input image through a graph to the output: sizes, reach and cost, nothing run."""
