"""Runs in the build's child process: brings a SavedModel to what the target runtime computes."""
