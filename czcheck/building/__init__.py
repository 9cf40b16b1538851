"""From a SavedModel to a conformant archive."""
