"""Other programs that segment images with networks, each in an environment of its own."""
