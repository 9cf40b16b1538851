"""What is measured on a loaded network beside its answers to the test tiles."""
