"""Looks for inputs that break the readers: fuzz targets, their seeds and their kept corpus."""
