"""Rules: the catalogue, and one module for each family."""
