"""Test tiles: patterns, and tiles cut from images."""
