"""What changed between two releases of a model."""
