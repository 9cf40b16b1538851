"""What can be said of a model before it is built: its network's output, and what a build makes."""
