"""Segments images of any size as ZEN's tiling client does: tiles, labels, confidence."""
