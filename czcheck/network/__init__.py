"""Facts of a SavedModel, read without TensorFlow."""
