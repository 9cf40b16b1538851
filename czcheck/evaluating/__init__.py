"""How well a model segments images whose truth is known: pixels, objects, confidence."""
